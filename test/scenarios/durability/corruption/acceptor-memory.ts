import type { Slot } from '../../../../src/log/ids.js';
import type { Pin } from '../../../../src/log/roster.js';
import { compareBallots, type Ballot } from '../../../../src/log/ballot.js';
import type { AcceptReply, Accept, Prepare, PrepareReply, Vote } from '../../../../src/paxos/messages.js';
import { paxosRecordFromLog } from '../../../../src/paxos/records.js';
import type { LogRecord } from '../../../../src/storage/log-record.js';
import type { RecoveredLog } from '../../../../src/storage/write-ahead-log.js';
import type { RecoveredDirectory } from './recovered-directory.js';

interface SlotMemory {
  readonly promised: Ballot | undefined;
  readonly vote: Vote | undefined;
}

const same = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0;
const text = (ballot: Ballot | undefined): string =>
  ballot === undefined ? 'none' : `${ballot.round}.${ballot.replica}`;

const sameRecord = (left: LogRecord, right: LogRecord): boolean =>
  (['kind', 'group', 'slot', 'round', 'replica'] as const).every((field) => left[field] === right[field]) &&
  same(left.payload, right.payload);

/** Something that a replica does or says although it once said otherwise. */
export class Contradiction extends Error {}

/**
 * All that an acceptor has ever promised and voted, as an undamaged directory tells it, decided slots included: what its
 * successor must never contradict.
 */
export class AcceptorMemory {
  readonly highestRound: number;
  readonly #floor: Slot;
  readonly #slots = new Map<Slot, SlotMemory>();
  readonly #pins: readonly Pin[];
  readonly #log: RecoveredLog;

  readonly #snapshot: { readonly through: Slot | undefined; readonly digest: string };

  constructor({ log, point, peers, digest }: RecoveredDirectory) {
    this.#snapshot = { through: point.loadedThrough, digest };
    this.highestRound = point.recovered.highestRound;
    this.#floor = point.recovered.floor;
    this.#pins = peers.pins;
    this.#log = log;
    for (const record of log.records) {
      const own = paxosRecordFromLog(record);
      if (own?.kind === 'promise') this.#keep(own.slot, own.ballot, undefined);
      if (own?.kind === 'vote') this.#keep(own.slot, own.vote.ballot, own.vote);
    }
  }

  /** The highest slot voted for. */
  get lastVote(): Slot {
    return Math.max(...[...this.#slots].flatMap(([slot, { vote }]) => (vote === undefined ? [] : [slot])));
  }

  /** The slots from `first` of which something is remembered. */
  slotsFrom(first: Slot): readonly { readonly slot: Slot; readonly promised: Ballot | undefined }[] {
    return [...this.#slots].flatMap(([slot, { promised }]) => (slot >= first ? [{ slot, promised }] : []));
  }

  /**
   * Whether a replica that goes on from `recovered` may vote with that. Where its log ends too early it is not asked: its
   * peers must refuse it.
   * @throws Contradiction
   */
  checkRecovered({ log, point, peers, digest }: RecoveredDirectory): void {
    if (point.loadedThrough !== undefined) {
      const { through, digest: expected } = this.#snapshot;
      if (point.loadedThrough !== through || digest !== expected) {
        throw new Contradiction(`a state through slot ${point.loadedThrough} that is not the snapshot's`);
      }
    }
    if (log.lastLsn > this.#log.lastLsn) throw new Contradiction(`the log reaches frame ${log.lastLsn}`);
    this.#checkWritten(log.records);
    if (log.lastLsn < this.#log.lastLsn) return;
    if (log.bootCounter !== this.#log.bootCounter) {
      throw new Contradiction(`start ${this.#log.bootCounter} counts as ${log.bootCounter}`);
    }
    if (JSON.stringify(log.hardState) !== JSON.stringify(this.#log.hardState)) {
      throw new Contradiction(`another hard state: ${JSON.stringify(log.hardState)}`);
    }
    const { recovered: paxos, loadedThrough = -1 } = point;
    if (paxos.highestRound < this.highestRound) {
      throw new Contradiction(`round ${this.highestRound} was used, and ${paxos.highestRound} is remembered`);
    }
    if (paxos.floor < this.#floor) throw new Contradiction(`floor ${this.#floor} fell to ${paxos.floor}`);
    for (const { replica, incarnation } of this.#pins) {
      const pin = peers.pins.find((known) => known.replica === replica);
      if (pin?.incarnation !== incarnation) throw new Contradiction(`the pin of replica ${replica} is lost`);
    }
    const unasked = Math.max(paxos.floor - 1, paxos.silent?.last ?? -1, loadedThrough);
    for (const [slot, { promised, vote }] of this.#slots) {
      if (slot <= unasked) continue;
      const found = paxos.instances.get(slot);
      if (found?.phase === 'decided') continue;
      if (compareBallots(found?.promised, promised) < 0) {
        throw new Contradiction(`slot ${slot}: promise ${text(promised)} is lost, without silence`);
      }
      this.#checkVote(slot, vote, found?.vote);
    }
  }

  /** Records may be missing; none may be there that was not written, nor in another order. @throws Contradiction */
  #checkWritten(records: readonly LogRecord[]): void {
    let next = 0;
    for (const record of records) {
      while (next < this.#log.records.length && !sameRecord(this.#log.records[next]!, record)) next += 1;
      if (next === this.#log.records.length) {
        throw new Contradiction(`a record that was not written so: ${record.kind} of slot ${record.slot}`);
      }
      next += 1;
    }
  }

  /** @throws Contradiction */
  checkPrepareReply({ slot, ballot }: Prepare, reply: PrepareReply): void {
    const known = this.#slots.get(slot);
    if (known === undefined || reply.kind !== 'promise') return;
    if (compareBallots(ballot, known.promised) < 0) {
      throw new Contradiction(
        `slot ${slot}: ${text(ballot)} was promised after ${text(known.promised)} had been`,
      );
    }
    this.#checkVote(slot, known.vote, reply.vote);
  }

  /** @throws Contradiction */
  checkAcceptReply({ slot, ballot, value }: Accept, reply: AcceptReply): void {
    const known = this.#slots.get(slot);
    if (known === undefined || reply.kind !== 'accept-ok') return;
    if (compareBallots(ballot, known.promised) < 0) {
      throw new Contradiction(
        `slot ${slot}: a vote under ${text(ballot)} after the promise ${text(known.promised)}`,
      );
    }
    this.#checkVote(slot, known.vote, { ballot, value });
  }

  /** What the acceptor says of its vote now, against the vote it once gave: the same one, or a later one. */
  #checkVote(slot: Slot, once: Vote | undefined, now: Vote | undefined): void {
    const order = compareBallots(now?.ballot, once?.ballot);
    if (order < 0)
      throw new Contradiction(`slot ${slot}: vote ${text(once?.ballot)} became ${text(now?.ballot)}`);
    if (order === 0 && once !== undefined && now !== undefined && !same(once.value, now.value)) {
      throw new Contradiction(`slot ${slot}: two values under ballot ${text(once.ballot)}`);
    }
  }

  #keep(slot: Slot, ballot: Ballot, cast: Vote | undefined): void {
    const before = this.#slots.get(slot);
    const promised = compareBallots(ballot, before?.promised) > 0 ? ballot : before?.promised;
    const vote = compareBallots(cast?.ballot, before?.vote?.ballot) > 0 ? cast : before?.vote;
    this.#slots.set(slot, { promised, vote });
  }
}
