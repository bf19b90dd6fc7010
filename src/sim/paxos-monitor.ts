import { compareBallots, formatBallot, type Ballot } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { Accept, AcceptReply, Prepare, PrepareReply, Vote } from '../paxos/messages.js';
import type { MonitorOptions, VotingMonitor } from './voting-engine.js';

/** What one acceptor has told of one slot, by messages that have left it. */
interface Told {
  promised: Ballot | undefined;
  vote: Vote | undefined;
}

/** The votes told under one ballot. */
interface Voted {
  readonly value: Uint8Array;
  readonly voters: Set<ReplicaId>;
}

/**
 * Remembers what acceptors of Paxos have answered, as no acceptor may forget, and holds every further answer against it:
 * promises and votes never fall, also not over a restart (rules R1, R2); one ballot has one value; a promise tells the
 * last vote; and nothing is decided that a majority has not voted for under one ballot.
 */
export class PaxosMonitor implements VotingMonitor {
  readonly #options: MonitorOptions;
  readonly #told = new Map<string, Told>();
  /** By slot, then by ballot. */
  readonly #votes = new Map<Slot, Map<string, Voted>>();
  readonly #chosen = new Set<Slot>();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  prepared(me: ReplicaId, { slot, ballot }: Prepare, reply: PrepareReply): void {
    if (reply.kind !== 'promise') return;
    const told = this.#toldOf(me, slot);
    this.#promises(me, slot, told, ballot);
    if (compareBallots(reply.vote?.ballot, told.vote?.ballot) < 0) {
      this.#options.violated(
        'a vote is not forgotten',
        `replica ${me} told ${formatBallot(reply.vote?.ballot)} as its vote in slot ${slot}, having voted under ${formatBallot(told.vote?.ballot)}`,
      );
    }
  }

  accepted(me: ReplicaId, { slot, ballot, value }: Accept, reply: AcceptReply): void {
    if (reply.kind !== 'accept-ok') return;
    const told = this.#toldOf(me, slot);
    this.#promises(me, slot, told, ballot);
    if (compareBallots(ballot, told.vote?.ballot) >= 0) told.vote = { ballot, value };
    this.#votedOf(slot, ballot, value).voters.add(me);
  }

  applied(me: ReplicaId, slot: Slot, value: Uint8Array): void {
    if (this.#chosen.has(slot)) return;
    // The proposer's own vote goes over no wire.
    const needed = this.#options.majority - 1;
    const voted = [...(this.#votes.get(slot)?.values() ?? [])];
    if (voted.some(({ voters, value: of }) => voters.size >= needed && equal(of, value))) {
      this.#chosen.add(slot);
      return;
    }
    this.#options.violated(
      'a majority decides',
      `replica ${me} applied slot ${slot}, for whose value no majority has voted under one ballot`,
    );
  }

  #promises(me: ReplicaId, slot: Slot, told: Told, ballot: Ballot): void {
    if (compareBallots(ballot, told.promised) < 0) {
      this.#options.violated(
        'promises never fall',
        `replica ${me} answered ${formatBallot(ballot)} in slot ${slot}, having promised ${formatBallot(told.promised)}`,
      );
      return;
    }
    told.promised = ballot;
  }

  #toldOf(me: ReplicaId, slot: Slot): Told {
    const name = `${me} ${slot}`;
    const told = this.#told.get(name) ?? { promised: undefined, vote: undefined };
    this.#told.set(name, told);
    return told;
  }

  #votedOf(slot: Slot, ballot: Ballot, value: Uint8Array): Voted {
    const ofSlot = this.#votes.get(slot) ?? new Map<string, Voted>();
    this.#votes.set(slot, ofSlot);
    const voted = ofSlot.get(formatBallot(ballot)) ?? { value, voters: new Set() };
    ofSlot.set(formatBallot(ballot), voted);
    if (!equal(voted.value, value)) {
      this.#options.violated(
        'one value a ballot',
        `two values were voted for in slot ${slot} under ${formatBallot(ballot)}`,
      );
    }
    return voted;
  }
}

/** Whether two values are the same bytes. */
export const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0;
