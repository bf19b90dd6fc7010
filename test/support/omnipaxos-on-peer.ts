import { replicaId } from '../../src/log/ids.js';
import { encodeBatch } from '../../src/log/wire.js';
import type { OmnipaxosRecord } from '../../src/omnipaxos/messages.js';
import { OmnipaxosLog, type OmnipaxosLogOptions } from '../../src/omnipaxos/omnipaxos-log.js';
import { OmnipaxosPeer, type OmnipaxosPeerOptions } from '../../src/omnipaxos/peer.js';
import { seededRandom } from '../../src/runtime/random.js';
import { FakeClock, turns } from './fake-clock.js';
import { FakeRemote } from './fake-remote.js';
import { HeldJournal } from './held-journal.js';
import { batchOf } from './log-on-peer.js';
import { acceptSyncOf, prepareOf } from './omnipaxos-machine.js';
import { ballotOf, textOf } from './paxos-values.js';
import { rosterOf } from './rosters.js';

export const electionTimeoutMs = 100;

export interface OmnipaxosPeerWorldOptions {
  readonly peer?: Partial<OmnipaxosPeerOptions>;
  readonly log?: Partial<OmnipaxosLogOptions<string>>;
}

/** Replica 1 of three on a held journal, with a clock of the test; replicas 2 and 3 are faked. */
export class OmnipaxosPeerWorld {
  readonly clock = new FakeClock();
  readonly journal = new HeldJournal<OmnipaxosRecord>();
  readonly two = new FakeRemote(2, 1);
  readonly three = new FakeRemote(3, 1);
  readonly remotes = [this.two, this.three];
  /** What the peer said it had to stop for. */
  readonly failures: unknown[] = [];
  readonly moments: string[] = [];
  readonly peer: OmnipaxosPeer;
  /** Whether syncs end by themselves as time passes. */
  syncs = true;

  constructor(changes: Partial<OmnipaxosPeerOptions> = {}) {
    this.peer = new OmnipaxosPeer({
      roster: rosterOf(1, 3, this.clock),
      links: new Map(this.remotes.map(({ id, link }) => [replicaId(id), link])),
      journal: this.journal,
      clock: this.clock,
      random: seededRandom(1),
      electionTimeoutMs,
      trace: (moment) => this.moments.push(moment),
      fatal: (error) => this.failures.push(error),
      ...changes,
    });
  }

  /** Lets so many milliseconds pass, ten at a time. */
  async afterMs(ms: number): Promise<void> {
    await this.settle();
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      this.clock.advance(Math.min(10, ms - passedMs));
      await this.settle();
    }
  }

  /** Lets all that waits for nothing but its turn come to an end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      if (this.syncs) this.journal.sync();
      await turns();
    }
  }

  /** Lets the peer come up and be elected. */
  async lead(): Promise<void> {
    this.peer.start();
    for (let waitedMs = 0; this.peer.leadership.kind !== 'leading'; waitedMs += 10) {
      if (waitedMs > 20 * electionTimeoutMs) throw new Error(`still ${this.peer.leadership.kind}`);
      await this.afterMs(10);
    }
    await this.settle();
  }

  /** Makes both others refuse the peer for a promise to replica 3. */
  async depose(): Promise<void> {
    for (const remote of this.remotes) {
      remote.say({ kind: 'not-accepted', promised: { round: 99, replica: replicaId(3) } });
    }
    await this.settle();
  }
}

/** A log of texts on the peer of an `OmnipaxosPeerWorld`. */
export class OmnipaxosLogWorld extends OmnipaxosPeerWorld {
  readonly log: OmnipaxosLog<string>;
  /** What was applied, as `slot text`. */
  readonly applied: string[] = [];
  /** What the state says it has recorded, by command. */
  readonly recorded = new Map<string, string>();
  /** Peers that hold no more what is missing here, and from where on they hold it. */
  readonly behind: [number, number][] = [];

  constructor({ peer, log }: OmnipaxosPeerWorldOptions = {}) {
    super(peer);
    this.log = new OmnipaxosLog<string>({
      peer: this.peer,
      clock: this.clock,
      stateMachine: {
        apply: (slot, commands) =>
          commands.map((command) => {
            this.applied.push(`${slot} ${textOf(command)}`);
            return `${textOf(command)} at ${slot}`;
          }),
        recorded: (command) => this.recorded.get(textOf(command)),
      },
      behind: (replica, floor) => this.behind.push([replica, floor]),
      fatal: (error) => this.failures.push(error),
      trace: (moment) => this.moments.push(moment),
      ...log,
    });
  }

  /** Lets it follow replica 2 under ballot 5.2 with so many batches in its log. */
  async follow(count: number, decidedEnd: number): Promise<void> {
    const ballot = ballotOf(5, 2);
    this.peer.start();
    await this.settle();
    this.two.say(prepareOf(ballot, 1));
    await this.settle();
    this.two.say(acceptSyncOf(ballot, 1, 0, [], { values: batches(0, count - 1), decidedEnd }));
    await this.settle();
  }
}

/** Batches of replica 2, one a slot, as a leader sends them. */
export const batches = (first: number, last: number): Uint8Array[] =>
  Array.from({ length: last - first + 1 }, (_, index) =>
    encodeBatch(batchOf(2, first + index + 1, `command ${first + index}`)),
  );
