import type { Enveloped, Header } from '../log/header.js';
import { compareBallots, formatBallot, type Ballot } from '../log/ballot.js';
import { replicaId, type ReplicaId, type Slot } from '../log/ids.js';
import type { Accept, AcceptReply, Prepare, PrepareReply, Vote } from '../paxos/messages.js';
import { sameBytes } from '../paxos/same-bytes.js';
import { Voters } from './voters.js';
import type { MonitorOptions, VotingMonitor } from './voting-engine.js';

/** What one acceptor has told of one slot. */
export interface Told {
  readonly promised: Ballot | undefined;
  readonly voted: Ballot | undefined;
}

/** The votes told under one ballot. */
interface Voted {
  /** Undefined until an acceptor has answered another replica: of a vote for oneself only the ballot is seen. */
  value: Uint8Array | undefined;
  readonly voters: Set<ReplicaId>;
}

/** What an acceptor holds of one slot. */
export interface HeldVote {
  readonly promised: Ballot | undefined;
  readonly vote: Vote | undefined;
}

/**
 * Remembers what acceptors of Paxos have answered, to others and to themselves, as no acceptor may forget, and holds every
 * further answer against it, and what they hold, be it after a restart: promises and votes never fall (rules R1, R2); one ballot
 * has one value; a promise tells the last vote; and nothing is decided for which a majority has not voted under one ballot,
 * on their disks.
 */
export class PaxosMonitor implements VotingMonitor {
  readonly #options: MonitorOptions;
  readonly #voters: Voters;
  /** By replica, then by slot. */
  readonly #told = new Map<ReplicaId, Map<Slot, Told>>();
  /** By slot, then by ballot. */
  readonly #votes = new Map<Slot, Map<string, Voted>>();
  readonly #chosen = new Set<Slot>();
  /** Which start of its proposer a ballot is of, by slot and ballot. */
  readonly #starts = new Map<string, number>();

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#voters = new Voters(options);
  }

  /** A proposer uses a ballot: no later start of it may use the same (rule R4). */
  proposed({ bootCounter }: Header, { slot, ballot }: Prepare): void {
    const name = `${slot} ${formatBallot(ballot)}`;
    const start = this.#starts.get(name) ?? bootCounter;
    this.#starts.set(name, start);
    if (start === bootCounter) return;
    this.#options.violated(
      'no ballot is used again after a restart',
      `${formatBallot(ballot)} was used in slot ${slot} by starts ${start} and ${bootCounter} of its proposer`,
    );
  }

  /** What an acceptor has told of a slot when a request about it comes. */
  told(me: ReplicaId, slot: Slot): Told {
    return this.#told.get(me)?.get(slot) ?? nothingTold;
  }

  /** @param before what it had told when the request came; what it has told since may go ahead of this answer */
  prepared({ slot, ballot }: Prepare, { header, body: reply }: Enveloped<PrepareReply>, before: Told): void {
    if (reply.kind !== 'promise') return;
    const me = header.from;
    this.#voters.votes(me, header.incarnation);
    this.#promises(me, slot, ballot, before);
    if (compareBallots(reply.vote?.ballot, before.voted) >= 0) return;
    this.#options.violated(
      'a vote is not forgotten',
      `replica ${me} told ${formatBallot(reply.vote?.ballot)} as its vote in slot ${slot}, having voted under ${formatBallot(before.voted)}`,
    );
  }

  /** As `prepared`. */
  accepted({ slot, ballot, value }: Accept, { header, body }: Enveloped<AcceptReply>, before: Told): void {
    if (body.kind !== 'accept-ok') return;
    const me = header.from;
    this.#voters.votes(me, header.incarnation);
    this.#promises(me, slot, ballot, before);
    this.#votesFor(me, slot, ballot, value);
  }

  /** An acceptor's answer to a proposer of its own goes over no wire, but leaves a trace. */
  traced(me: ReplicaId, event: string, details: Readonly<Record<string, unknown>>): void {
    if (event !== 'promise-synced' && event !== 'vote-synced') return;
    const { slot, round, replica } = details;
    if (typeof slot !== 'number' || typeof round !== 'number' || typeof replica !== 'number') return;
    const ballot = { round, replica: replicaId(replica) };
    if (event === 'promise-synced') this.#tells(me, slot, ballot, undefined);
    else this.#votesFor(me, slot, ballot, undefined);
  }

  /** @param held what it has of a slot now; undefined if it needs nothing of it any more */
  remembers(me: ReplicaId, held: (slot: Slot) => HeldVote | undefined): void {
    for (const [slot, told] of this.#told.get(me) ?? []) {
      const now = held(slot);
      if (now === undefined) continue;
      const isWhole =
        compareBallots(now.promised, told.promised) >= 0 && compareBallots(now.vote?.ballot, told.voted) >= 0;
      if (isWhole) continue;
      this.#options.violated(
        'what was told is remembered',
        `replica ${me} promised ${formatBallot(told.promised)} and voted under ${formatBallot(told.voted)} in slot ${slot}, and holds ${formatBallot(now.promised)} and ${formatBallot(now.vote?.ballot)}`,
      );
      return;
    }
  }

  applied(me: ReplicaId, slot: Slot, value: Uint8Array): void {
    if (this.#chosen.has(slot)) return;
    const { majority, violated } = this.#options;
    const voted = [...(this.#votes.get(slot)?.values() ?? [])];
    if (
      voted.some(
        ({ voters, value: of }) => voters.size >= majority && of !== undefined && sameBytes(of, value),
      )
    ) {
      this.#chosen.add(slot);
      return;
    }
    violated(
      'a majority decides',
      `replica ${me} applied slot ${slot}, for whose value no majority has voted under one ballot`,
    );
  }

  #votesFor(me: ReplicaId, slot: Slot, ballot: Ballot, value: Uint8Array | undefined): void {
    this.#tells(me, slot, ballot, ballot);
    const voted = this.#votedOf(slot, ballot);
    voted.voters.add(me);
    if (value === undefined) return;
    voted.value ??= value;
    if (sameBytes(voted.value, value)) return;
    this.#options.violated(
      'one value a ballot',
      `two values were voted for in slot ${slot} under ${formatBallot(ballot)}`,
    );
  }

  #promises(me: ReplicaId, slot: Slot, ballot: Ballot, before: Told): void {
    this.#tells(me, slot, ballot, undefined);
    if (compareBallots(ballot, before.promised) >= 0) return;
    this.#options.violated(
      'promises never fall',
      `replica ${me} answered ${formatBallot(ballot)} in slot ${slot}, having promised ${formatBallot(before.promised)}`,
    );
  }

  #tells(me: ReplicaId, slot: Slot, promised: Ballot, voted: Ballot | undefined): void {
    const ofReplica = this.#told.get(me) ?? new Map<Slot, Told>();
    this.#told.set(me, ofReplica);
    const before = ofReplica.get(slot) ?? nothingTold;
    ofReplica.set(slot, {
      promised: higherOf(before.promised, promised),
      voted: higherOf(before.voted, voted),
    });
  }

  #votedOf(slot: Slot, ballot: Ballot): Voted {
    const ofSlot = this.#votes.get(slot) ?? new Map<string, Voted>();
    this.#votes.set(slot, ofSlot);
    const voted = ofSlot.get(formatBallot(ballot)) ?? { value: undefined, voters: new Set() };
    ofSlot.set(formatBallot(ballot), voted);
    return voted;
  }
}

const nothingTold: Told = { promised: undefined, voted: undefined };

const higherOf = (one: Ballot | undefined, other: Ballot | undefined): Ballot | undefined =>
  compareBallots(one, other) >= 0 ? one : other;
