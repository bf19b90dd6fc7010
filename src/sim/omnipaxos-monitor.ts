import { compareBallots, formatBallot, type Ballot } from '../log/ballot.js';
import type { Header } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { Accepted, AcceptDecide, AcceptSync, Message, Promised } from '../omnipaxos/messages.js';
import { sameBytes } from '../paxos/same-bytes.js';
import { Voters } from './voters.js';
import type { MonitorOptions, VotingMonitor } from './voting-engine.js';

/** What one replica has told by messages that have left it. */
interface Told extends ToldLog {
  readonly promised: Ballot | undefined;
}

/** A log as a replica says it: accepted under this ballot, up to this slot. */
interface ToldLog {
  readonly accepted: Ballot | undefined;
  readonly acceptedEnd: Slot;
}

const nothingTold: Told = { promised: undefined, accepted: undefined, acceptedEnd: 0 };

/** Which log a leader has to prefer. */
const compareLogs = (one: ToldLog, other: ToldLog): number =>
  compareBallots(one.accepted, other.accepted) || one.acceptedEnd - other.acceptedEnd;

const higherOf = (one: Told, other: Told): Told => {
  const { accepted, acceptedEnd } = compareLogs(one, other) >= 0 ? one : other;
  const promised = compareBallots(one.promised, other.promised) >= 0 ? one.promised : other.promised;
  return { promised, accepted, acceptedEnd };
};

/**
 * Remembers what replicas of OmniPaxos have said and holds every further message against it: promises and accepted logs
 * never fall, also not over a restart (rules R1, R2); one slot has one value under one ballot; and a leader tells nothing
 * as decided that a majority has not accepted under its ballot.
 */
export class OmnipaxosMonitor implements VotingMonitor {
  readonly #options: MonitorOptions;
  readonly #voters: Voters;
  readonly #told = new Map<ReplicaId, Told>();
  /** By who told it, and to whom. */
  readonly #toldByPair = new Map<string, Told>();
  /** What leaders have sent, by ballot and slot. */
  readonly #sent = new Map<string, Uint8Array>();
  /** How far replicas have accepted, by ballot. */
  readonly #acceptedUnder = new Map<string, Map<ReplicaId, Slot>>();
  /** Which process claimed a ballot. */
  readonly #claims = new Map<string, string>();
  /** How far it was decided when a ballot began, as its leader or those that promised it said. */
  readonly #decidedBefore = new Map<string, Slot>();
  /** Up to where the snapshots reach that replicas have installed. */
  readonly #installedEnd = new Map<ReplicaId, Slot>();

  constructor(options: MonitorOptions) {
    this.#options = options;
    this.#voters = new Voters(options);
  }

  /**
   * @param header of the frame that the message is in
   * @param process names the process that says it
   */
  said({ from, to, incarnation }: Header, process: string, message: Message): void {
    switch (message.kind) {
      case 'prepare':
        this.#claimed(process, message.ballot);
        this.#noteDecided(message.ballot, message.decidedEnd);
        return;
      case 'promise':
        this.#voters.votes(from, incarnation);
        this.#promised(from, to, message);
        return;
      case 'accepted':
        this.#voters.votes(from, incarnation);
        this.#accepted(from, to, message);
        return;
      case 'accept-sync':
      case 'accept-decide':
        this.#sentByLeader(from, message);
        return;
      default:
    }
  }

  /** What a replica holds now, be it after a restart: never less than it has told. */
  remembers(me: ReplicaId, held: Readonly<Told>): void {
    const told = this.#toldOf(me);
    const isWhole = compareBallots(held.promised, told.promised) >= 0 && compareLogs(held, told) >= 0;
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

  /** What a snapshot covers was decided, whoever says so; all else that counts goes over the wire. */
  traced(me: ReplicaId, event: string, { through }: Readonly<Record<string, unknown>>): void {
    if (event === 'installed' && typeof through === 'number') {
      this.#installedEnd.set(me, Math.max(this.#installedEnd.get(me) ?? 0, through + 1));
    }
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

  #promised(
    me: ReplicaId,
    to: ReplicaId,
    { ballot, accepted, acceptedEnd, decidedEnd, counted }: Promised,
  ): void {
    const before = this.#toldTo(me, to);
    this.#answers(me, before, ballot);
    this.#tells(me, to, { promised: ballot, accepted: undefined, acceptedEnd: 0 });
    // What was decided under an earlier ballot the leader may learn from a promise.
    this.#decidedBefore.set(
      formatBallot(ballot),
      Math.max(this.#noteDecided(ballot, decidedEnd), decidedEnd),
    );
    // A log that may have lost entries says so, and is counted for nothing.
    if (!counted || compareLogs({ accepted, acceptedEnd }, before) >= 0) return;
    this.#options.violated(
      'what was accepted is not forgotten',
      `replica ${me} told a log under ${formatBallot(accepted)} up to slot ${acceptedEnd}, having accepted under ${formatBallot(before.accepted)} up to ${before.acceptedEnd}`,
    );
  }

  #accepted(me: ReplicaId, to: ReplicaId, { ballot, acceptedEnd }: Accepted): void {
    this.#answers(me, this.#toldTo(me, to), ballot);
    this.#tells(me, to, { promised: ballot, accepted: ballot, acceptedEnd });
    const ends = this.#endsUnder(ballot);
    ends.set(me, Math.max(ends.get(me) ?? 0, acceptedEnd));
  }

  #sentByLeader(me: ReplicaId, { ballot, first, values, decidedEnd }: AcceptSync | AcceptDecide): void {
    for (const [index, value] of values.entries()) {
      const name = `${formatBallot(ballot)} ${first + index}`;
      const sent = this.#sent.get(name);
      this.#sent.set(name, value);
      if (sent === undefined || sameBytes(sent, value)) continue;
      this.#options.violated(
        'one value a ballot',
        `two values were sent for slot ${first + index} under ${formatBallot(ballot)}`,
      );
    }
    const known = Math.max(this.#noteDecided(ballot, decidedEnd), this.#installedEnd.get(me) ?? 0);
    if (decidedEnd <= known) return;
    // The leader's own acceptance goes over no wire.
    const voters = [...this.#endsUnder(ballot)].filter(([id, end]) => id !== me && end >= decidedEnd).length;
    // So far only with its own acceptance, which it has then told as well.
    if (voters === this.#options.majority - 1) {
      this.#tells(me, me, { promised: ballot, accepted: ballot, acceptedEnd: decidedEnd });
    }
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

  #answers(me: ReplicaId, before: Told, ballot: Ballot): void {
    if (compareBallots(ballot, before.promised) >= 0) return;
    this.#options.violated(
      'promises never fall',
      `replica ${me} answered ${formatBallot(ballot)}, having promised ${formatBallot(before.promised)}`,
    );
  }

  /** Replica `me` has told this to one other, or to itself; messages to different replicas have no order. */
  #tells(me: ReplicaId, to: ReplicaId, told: Told): void {
    this.#toldByPair.set(`${me} ${to}`, higherOf(this.#toldTo(me, to), told));
    this.#told.set(me, higherOf(this.#toldOf(me), told));
  }

  #toldTo(me: ReplicaId, to: ReplicaId): Told {
    return this.#toldByPair.get(`${me} ${to}`) ?? nothingTold;
  }

  /** What `me` has told to anybody. */
  #toldOf(me: ReplicaId): Told {
    return this.#told.get(me) ?? nothingTold;
  }

  #endsUnder(ballot: Ballot): Map<ReplicaId, Slot> {
    const name = formatBallot(ballot);
    const ends = this.#acceptedUnder.get(name) ?? new Map<ReplicaId, Slot>();
    this.#acceptedUnder.set(name, ends);
    return ends;
  }
}
