import { compareBallots, formatBallot, type Ballot } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { Accepted, AcceptDecide, AcceptSync, Message, Promised } from '../omnipaxos/messages.js';
import { equal } from './paxos-monitor.js';
import type { MonitorOptions, VotingMonitor } from './voting-engine.js';

/** What one replica has told by messages that have left it. */
interface Told {
  promised: Ballot | undefined;
  /** Its log as it said: accepted under this ballot, up to this slot. */
  accepted: Ballot | undefined;
  acceptedEnd: Slot;
}

/**
 * Remembers what replicas of OmniPaxos have said and holds every further message against it: promises and accepted logs
 * never fall, also not over a restart (rules R1, R2); one slot has one value under one ballot; and a leader tells nothing
 * as decided that a majority has not accepted under its ballot.
 */
export class OmnipaxosMonitor implements VotingMonitor {
  readonly #options: MonitorOptions;
  readonly #told = new Map<ReplicaId, Told>();
  /** What leaders have sent, by ballot and slot. */
  readonly #sent = new Map<string, Uint8Array>();
  /** How far replicas have accepted, by ballot. */
  readonly #acceptedUnder = new Map<string, Map<ReplicaId, Slot>>();
  /** Which process claimed a ballot. */
  readonly #claims = new Map<string, string>();
  /** How far it was decided when a ballot began, as its leader or those that promised it said. */
  readonly #decidedBefore = new Map<string, Slot>();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** @param process names the process that says it */
  said(me: ReplicaId, process: string, message: Message): void {
    switch (message.kind) {
      case 'prepare':
        this.#claimed(process, message.ballot);
        this.#noteDecided(message.ballot, message.decidedEnd);
        return;
      case 'promise':
        this.#promised(me, message);
        return;
      case 'accepted':
        this.#accepted(me, message);
        return;
      case 'accept-sync':
      case 'accept-decide':
        this.#sentByLeader(me, message);
        return;
      default:
    }
  }

  /** What a replica holds now, be it after a restart: never less than it has told. */
  remembers(me: ReplicaId, held: Readonly<Told>): void {
    const told = this.#toldOf(me);
    const isWhole =
      compareBallots(held.promised, told.promised) >= 0 &&
      (compareBallots(held.accepted, told.accepted) || held.acceptedEnd - told.acceptedEnd) >= 0;
    if (isWhole) return;
    this.#options.violated(
      'what was told is remembered',
      `replica ${me} promised ${formatBallot(told.promised)} and accepted under ${formatBallot(told.accepted)} up to slot ${told.acceptedEnd}, and holds ${formatBallot(held.promised)} and ${formatBallot(held.accepted)} up to ${held.acceptedEnd}`,
    );
  }

  /** The leaders' own words have been held against the votes already. */
  applied(): void {
    return;
  }

  /** All that counts goes over the wire. */
  traced(): void {
    return;
  }

  /** A leader uses a ballot: no later process of it may use the same (rule R4). */
  #claimed(process: string, ballot: Ballot): void {
    const name = formatBallot(ballot);
    const first = this.#claims.get(name) ?? process;
    this.#claims.set(name, first);
    if (first === process) return;
    this.#options.violated(
      'no ballot is used again after a restart',
      `${name} was claimed by ${first} and by ${process}`,
    );
  }

  #promised(me: ReplicaId, { ballot, accepted, acceptedEnd, decidedEnd, counted }: Promised): void {
    const told = this.#toldOf(me);
    this.#answers(me, told, ballot);
    // What was decided under an earlier ballot the leader may learn from a promise.
    const before = this.#noteDecided(ballot, decidedEnd);
    this.#decidedBefore.set(formatBallot(ballot), Math.max(before, decidedEnd));
    // A log that may have lost entries says so, and is counted for nothing.
    if (!counted) return;
    const order = compareBallots(accepted, told.accepted) || acceptedEnd - told.acceptedEnd;
    if (order >= 0) return;
    this.#options.violated(
      'what was accepted is not forgotten',
      `replica ${me} told a log under ${formatBallot(accepted)} up to slot ${acceptedEnd}, having accepted under ${formatBallot(told.accepted)} up to ${told.acceptedEnd}`,
    );
  }

  #accepted(me: ReplicaId, { ballot, acceptedEnd }: Accepted): void {
    const told = this.#toldOf(me);
    this.#answers(me, told, ballot);
    const isHigher = compareBallots(ballot, told.accepted) > 0;
    told.acceptedEnd = isHigher ? acceptedEnd : Math.max(told.acceptedEnd, acceptedEnd);
    told.accepted = ballot;
    const ends = this.#endsUnder(ballot);
    ends.set(me, Math.max(ends.get(me) ?? 0, acceptedEnd));
  }

  #sentByLeader(me: ReplicaId, { ballot, first, values, decidedEnd }: AcceptSync | AcceptDecide): void {
    for (const [index, value] of values.entries()) {
      const name = `${formatBallot(ballot)} ${first + index}`;
      const sent = this.#sent.get(name);
      this.#sent.set(name, value);
      if (sent === undefined || equal(sent, value)) continue;
      this.#options.violated(
        'one value a ballot',
        `two values were sent for slot ${first + index} under ${formatBallot(ballot)}`,
      );
    }
    if (decidedEnd <= this.#noteDecided(ballot, decidedEnd)) return;
    // The leader's own acceptance goes over no wire.
    const voters = [...this.#endsUnder(ballot)].filter(([id, end]) => id !== me && end >= decidedEnd).length;
    if (voters >= this.#options.majority - 1) return;
    this.#options.violated(
      'a majority decides',
      `replica ${me} told slots below ${decidedEnd} as decided under ${formatBallot(ballot)}; ${voters} others had accepted them`,
    );
  }

  /** How far it was decided when the ballot began; this is the first that is heard of it, if nothing was heard before. */
  #noteDecided(ballot: Ballot, decidedEnd: Slot): Slot {
    const name = formatBallot(ballot);
    const before = this.#decidedBefore.get(name) ?? decidedEnd;
    this.#decidedBefore.set(name, before);
    return before;
  }

  #answers(me: ReplicaId, told: Told, ballot: Ballot): void {
    if (compareBallots(ballot, told.promised) >= 0) {
      told.promised = ballot;
      return;
    }
    this.#options.violated(
      'promises never fall',
      `replica ${me} answered ${formatBallot(ballot)}, having promised ${formatBallot(told.promised)}`,
    );
  }

  #toldOf(me: ReplicaId): Told {
    const told = this.#told.get(me) ?? { promised: undefined, accepted: undefined, acceptedEnd: 0 };
    this.#told.set(me, told);
    return told;
  }

  #endsUnder(ballot: Ballot): Map<ReplicaId, Slot> {
    const name = formatBallot(ballot);
    const ends = this.#acceptedUnder.get(name) ?? new Map<ReplicaId, Slot>();
    this.#acceptedUnder.set(name, ends);
    return ends;
  }
}
