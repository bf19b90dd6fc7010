import { expect } from 'chai';
import fc from 'fast-check';
import { compareBallots, formatBallot, type Ballot } from '../../src/log/ballot.js';
import { replicaId, type Slot } from '../../src/log/ids.js';
import { emptyLog, type LogState } from '../../src/omnipaxos/accepted-log.js';
import type { Message, Outgoing } from '../../src/omnipaxos/messages.js';
import { omnipaxosRecordToLog } from '../../src/omnipaxos/records.js';
import { recoverOmnipaxos } from '../../src/omnipaxos/recovery.js';
import { OmnipaxosReplica } from '../../src/omnipaxos/replica.js';
import type { OmnipaxosStep } from '../../src/omnipaxos/step.js';
import { foldHardState, initialHardState } from '../../src/storage/hard-state.js';
import type { LogRecord } from '../../src/storage/log-record.js';
import { acceptDecideOf, acceptSyncOf, prepareOf } from '../support/omnipaxos-machine.js';
import { ballotOf, textOf } from '../support/paxos-values.js';

type Event =
  | { readonly kind: 'prepare'; readonly round: number; readonly replica: 1 | 3 }
  | { readonly kind: 'accept-sync' | 'accept-decide'; readonly share: number; readonly count: number }
  | { readonly kind: 'sync'; readonly count: number }
  | { readonly kind: 'heartbeats' | 'live-records' | 'crash' };

const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('prepare' as const),
        round: fc.integer({ min: 1, max: 12 }),
        replica: fc.constantFrom(1 as const, 3 as const),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom('accept-sync' as const, 'accept-decide' as const),
        share,
        count: fc.integer({ min: 0, max: 3 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('sync' as const), count: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('heartbeats' as const, 'live-records' as const, 'crash' as const),
      }),
    },
  ),
  { minLength: 10, maxLength: 80, size: 'max' },
);

/** What the leader of a ballot has at a slot: nothing is decided here, so every leader has its own. */
const textAt = (slot: Slot, ballot: Ballot) => `${slot} under ${formatBallot(ballot)}`;

/** Replica 2 on a disk of which a crash leaves what was synced, and all that it has let out. */
class Crashing {
  #replica = this.#start(emptyLog);
  #disk: LogRecord[] = [];
  #waiting: { readonly records: readonly LogRecord[]; readonly out: readonly Outgoing[] }[] = [];
  #sync = 0;
  #round = 0;
  readonly promises: Ballot[] = [];
  readonly votes: { readonly ballot: Ballot; readonly texts: readonly string[] }[] = [];
  readonly claims: Ballot[] = [];
  crashes = 0;

  run(event: Event): void {
    const { phase, log } = this.#replica;
    switch (event.kind) {
      case 'prepare':
        this.#sync += 1;
        this.#receive(event.replica, prepareOf(ballotOf(event.round, event.replica), this.#sync));
        break;
      case 'accept-sync': {
        if (phase.kind !== 'promised') return;
        const { ballot } = phase;
        const isSame = compareBallots(ballot, log.accepted) === 0;
        const first = isSame ? log.acceptedEnd : Math.floor(event.share * (log.acceptedEnd + 1));
        const texts = Array.from({ length: event.count }, (_, index) => textAt(first + index, ballot));
        this.#receive(ballot.replica, acceptSyncOf(ballot, phase.sync, first, texts));
        break;
      }
      case 'accept-decide': {
        if (phase.kind !== 'following') return;
        const { ballot, sync, counter } = phase;
        const first = log.acceptedEnd;
        const texts = Array.from({ length: event.count }, (_, index) => textAt(first + index, ballot));
        this.#receive(ballot.replica, acceptDecideOf(ballot, sync, counter + 1, first, texts));
        break;
      }
      case 'sync':
        this.#synced(event.count);
        break;
      case 'heartbeats':
        for (const peer of [1, 3])
          this.#receive(peer, {
            kind: 'heartbeat',
            round: this.#round,
            ballot: undefined,
            candidate: false,
            led: false,
          });
        this.#perform(this.#replica.tick());
        break;
      case 'live-records':
        this.#waiting.push({ records: this.#replica.liveRecords().map(omnipaxosRecordToLog), out: [] });
        break;
      case 'crash':
        this.#crash();
    }
  }

  #start(log: LogState): OmnipaxosReplica {
    const replica = new OmnipaxosReplica({
      me: replicaId(2),
      members: [1, 2, 3].map(replicaId),
      log,
      mayVote: () => true,
      hasSpace: () => true,
    });
    replica.start();
    for (const peer of [1, 3]) replica.connected(replicaId(peer));
    return replica;
  }

  #receive(from: number, message: Message): void {
    this.#perform(this.#replica.receive(replicaId(from), message));
  }

  #perform(step: OmnipaxosStep): void {
    for (const outgoing of step.atOnce) this.#out(outgoing);
    const records = [...step.records, ...step.lazily].map(omnipaxosRecordToLog);
    // What is let out tells of the log as it is now.
    const texts = this.#texts();
    const out = step.afterSync;
    this.#waiting.push({ records, out });
    for (const outgoing of out) {
      if (outgoing.kind === 'send' && outgoing.message.kind === 'accepted') this.#told.set(outgoing, texts);
    }
  }

  readonly #told = new Map<Outgoing, string[]>();

  #texts(): string[] {
    const { acceptedEnd, entries } = this.#replica.log;
    return Array.from({ length: acceptedEnd }, (_, slot) => textOf(entries.at(slot)!));
  }

  #synced(count: number): void {
    for (const { records, out } of this.#waiting.splice(0, count)) {
      this.#disk.push(...records);
      for (const outgoing of out) this.#out(outgoing);
    }
  }

  #out(outgoing: Outgoing): void {
    if (outgoing.kind !== 'send') {
      this.#perform(this.#replica.synced(outgoing));
      return;
    }
    const { message } = outgoing;
    switch (message.kind) {
      case 'heartbeat-request':
        this.#round = message.round;
        break;
      case 'promise':
        this.promises.push(message.ballot);
        break;
      case 'accepted':
        this.votes.push({ ballot: message.ballot, texts: this.#told.get(outgoing) ?? [] });
        break;
      case 'prepare':
        if (this.claims.some((claim) => compareBallots(claim, message.ballot) > 0))
          throw new Error(`claims ${formatBallot(message.ballot)} again`);
        this.claims.push(message.ballot);
        break;
      default:
        break;
    }
  }

  #crash(): void {
    this.crashes += 1;
    this.#waiting = [];
    const { log } = recoverOmnipaxos(
      this.#disk,
      this.#disk.reduce(foldHardState, initialHardState),
      undefined,
      undefined,
    );
    this.#standsBy(log);
    this.#replica = this.#start(log);
  }

  /** What was let out binds, whatever is left. */
  #standsBy({ promised, accepted, values }: LogState): void {
    for (const ballot of [...this.promises, ...this.claims])
      expect(compareBallots(promised, ballot), `promised ${formatBallot(ballot)}`).to.be.at.least(0);
    for (const { ballot, texts } of this.votes) {
      const order = compareBallots(accepted, ballot);
      expect(order, `accepted under ${formatBallot(ballot)}`).to.be.at.least(0);
      if (order === 0) expect(values.slice(0, texts.length).map(textOf)).to.deep.equal(texts);
    }
  }
}

describe('a replica of OmniPaxos that crashes', () => {
  it('stands by everything that it had let out, wherever its log ends', () => {
    let [votes, promises, claims, crashes] = [0, 0, 0, 0];
    fc.assert(
      fc.property(events, (sequence) => {
        const crashing = new Crashing();
        for (const event of sequence) crashing.run(event);
        crashing.run({ kind: 'crash' });
        votes += crashing.votes.length;
        promises += crashing.promises.length;
        claims += crashing.claims.length;
        crashes += crashing.crashes;
      }),
      { numRuns: 1000 },
    );
    // Else the property would hold for want of anything let out.
    expect(votes).to.be.above(1000);
    expect(promises).to.be.above(1000);
    expect(claims).to.be.above(100);
    expect(crashes).to.be.above(1000);
  });
});
