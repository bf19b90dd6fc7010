import { expect } from 'chai';
import fc from 'fast-check';
import type { Ballot } from '../../src/log/ballot.js';
import { compareBallots } from '../../src/log/ballot.js';
import type { AcceptReply, PrepareReply } from '../../src/paxos/messages.js';
import type { PaxosPeer } from '../../src/paxos/peer.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import { CrashingJournal } from '../support/crashing-journal.js';
import { turns } from '../support/fake-clock.js';
import { ballots, textOf, valueOf } from '../support/paxos-values.js';
import { fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';

const lastSlot = 3;
const slots = fc.integer({ min: 0, max: lastSlot });

type Event =
  | { readonly kind: 'prepare' | 'accept'; readonly slot: number; readonly ballot: Ballot }
  | { readonly kind: 'decide' | 'cut' | 'install'; readonly slot: number }
  | { readonly kind: 'sync'; readonly count: number }
  | { readonly kind: 'drop' | 'crash' };

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constantFrom('prepare' as const, 'accept' as const),
        slot: slots,
        ballot: ballots,
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('decide' as const), slot: slots }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'install' as const), slot: slots }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('sync' as const), count: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
  ),
  { minLength: 10, maxLength: 80, size: 'max' },
);

/** One value for each ballot, as every proposer keeps to. */
const valueUnder = (slot: number, { round, replica }: Ballot) => valueOf(`${slot} under ${round}.${replica}`);
const decisionOf = (slot: number) => valueOf(`decided in ${slot}`);

/** What a peer has let out: whatever happens to it later, it must stand by this. */
class Answered {
  readonly promises: { readonly slot: number; readonly ballot: Ballot }[] = [];
  readonly votes: { readonly slot: number; readonly ballot: Ballot }[] = [];
  floor = 0;

  holdsIn({ floor, instances }: RecoveredPaxos): void {
    expect(floor, 'the floor').to.be.at.least(this.floor);
    for (const { slot, ballot } of this.promises) {
      const state = instances.get(slot);
      if (slot < floor || state?.phase === 'decided') continue;
      expect(compareBallots(state?.promised, ballot), `a promise of slot ${slot}`).to.be.at.least(0);
    }
    for (const { slot, ballot } of this.votes) {
      const state = instances.get(slot);
      if (slot < floor || state?.phase === 'decided') continue;
      expect(compareBallots(state?.vote?.ballot, ballot), `a vote of slot ${slot}`).to.be.at.least(0);
      if (compareBallots(state?.vote?.ballot, ballot) === 0) {
        expect(textOf(state!.vote!.value)).to.equal(textOf(valueUnder(slot, ballot)));
      }
    }
  }
}

class CrashWorld {
  readonly journal = new CrashingJournal();
  readonly answered = new Answered();
  world: PeerWorld = peerWorld(this.journal);
  /** Of the process that lives now. */
  #life = 0;
  crashes = 0;

  get peer(): PaxosPeer {
    return this.world.peer;
  }

  async run(event: Event): Promise<void> {
    switch (event.kind) {
      case 'prepare':
      case 'accept':
        this.#ask(event.kind, event.slot, event.ballot);
        break;
      case 'decide':
        void this.peer.handleDecide(fromTwo({ slot: event.slot, value: decisionOf(event.slot) }));
        break;
      case 'cut':
        if (event.slot <= (this.peer.roster.learnedThrough ?? -1)) void this.peer.cut(event.slot);
        break;
      case 'install':
        void this.peer.install(event.slot);
        break;
      case 'sync':
        this.journal.sync(event.count);
        break;
      case 'drop':
        void this.journal.append(this.peer.liveRecords());
        this.journal.sync();
        this.journal.dropBelow(this.peer.floor);
        break;
      case 'crash':
        this.#crash();
    }
    await Promise.resolve();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    this.answered.floor = this.peer.floor;
    expect(this.world.failures).to.deep.equal([]);
  }

  #ask(kind: 'prepare' | 'accept', slot: number, ballot: Ballot): void {
    const life = this.#life;
    const noted = ({ body }: { readonly body: PrepareReply | AcceptReply }) => {
      if (life !== this.#life) return;
      if (body.kind === 'promise') this.answered.promises.push({ slot, ballot });
      if (body.kind === 'accept-ok') this.answered.votes.push({ slot, ballot });
    };
    if (kind === 'prepare') void this.peer.handlePrepare(fromTwo({ slot, ballot })).then(noted);
    else void this.peer.handleAccept(fromTwo({ slot, ballot, value: valueUnder(slot, ballot) })).then(noted);
  }

  #crash(): void {
    this.#life += 1;
    this.crashes += 1;
    const recovered = this.journal.crash();
    this.answered.holdsIn(recovered);
    this.world = peerWorld(this.journal, { recovered });
  }
}

describe('a Paxos peer that crashes', () => {
  it('stands by everything that it had answered, wherever its log ends', async () => {
    let [answers, crashes] = [0, 0];
    await fc.assert(
      fc.asyncProperty(events, async (sequence) => {
        const crashing = new CrashWorld();
        for (const event of sequence) await crashing.run(event);
        await crashing.run({ kind: 'crash' });
        answers += crashing.answered.promises.length + crashing.answered.votes.length;
        crashes += crashing.crashes;
      }),
      { numRuns: 1000 },
    );
    // Else the property would hold for want of answers.
    expect(answers).to.be.above(2000);
    expect(crashes).to.be.above(1000);
  });

  type Move =
    | { readonly kind: 'start'; readonly slot: number }
    | { readonly kind: 'reject'; readonly round: number }
    | { readonly kind: 'silent' | 'behind' | 'pass' | 'crash' | 'full' }
    | { readonly kind: 'sync'; readonly count: number };
  const moves: fc.Arbitrary<Move[]> = fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('start' as const), slot: slots }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('reject' as const), round: fc.integer({ min: 1, max: 9 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constantFrom('silent' as const, 'behind' as const, 'pass' as const, 'full' as const),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('sync' as const), count: fc.integer({ min: 1, max: 3 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
    ),
    { minLength: 10, maxLength: 60, size: 'max' },
  );

  it('uses no ballot a second time, in no instance, over any number of restarts', async () => {
    let sent = 0;
    await fc.assert(
      fc.asyncProperty(moves, async (sequence) => {
        const journal = new CrashingJournal();
        let world = peerWorld(journal);
        /** The life in which a ballot was used. Within it, a Prepare that nobody answered may be sent again. */
        const used = new Map<string, number>();
        let life = 1;
        const note = () => {
          for (const { slot, ballot } of world.two.prepares.splice(0)) {
            const name = `${slot}: ${ballot.round}.${ballot.replica}`;
            expect(used.get(name) ?? life, name).to.equal(life);
            used.set(name, life);
          }
        };
        for (const move of sequence) {
          if (move.kind === 'start') world.peer.start(move.slot, valueOf('own'));
          else if (move.kind === 'sync') journal.sync(move.count);
          else if (move.kind === 'full') journal.hasSpace = !journal.hasSpace;
          else if (move.kind === 'pass') world.clock.advance(1000);
          else if (move.kind === 'crash') {
            world.peer.close();
            life += 1;
            world = peerWorld(journal, { recovered: journal.crash() });
          } else {
            for (const { answers } of world.others) {
              answers.prepare = ({ ballot }) => {
                if (move.kind === 'behind') return { kind: 'behind', floor: 1 };
                if (move.kind !== 'reject') return 'lost';
                const highestPromised = { ...ballot, round: Math.max(ballot.round, move.round) };
                return { kind: 'reject', highestPromised };
              };
            }
          }
          await turns();
          note();
          expect(world.failures).to.deep.equal([]);
        }
        world.peer.close();
        sent += used.size;
      }),
      { numRuns: 300 },
    );
    expect(sent).to.be.above(500);
  });
});
