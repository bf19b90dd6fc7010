import { compareBallots, type Ballot } from '../log/ballot.js';
import { replicaId, type Slot } from '../log/ids.js';
import type { HardState } from '../storage/hard-state.js';
import type { LogRecord } from '../storage/log-record.js';
import type { LogState } from './accepted-log.js';
import type { OmnipaxosRecord } from './messages.js';
import { omnipaxosRecordFromLog } from './records.js';

/** What a replica goes on from after a restart. */
export interface RecoveredOmnipaxos {
  readonly log: LogState;
  /** Decided values below the floor that no snapshot covers: the state machine alone still needs them. */
  readonly unapplied: ReadonlyMap<Slot, Uint8Array>;
  /** State through this slot cannot be rebuilt from this disk and must be pulled from a peer; undefined if it can. */
  readonly missingThrough: Slot | undefined;
}

/** The slots that a damaged part of the log may have touched. */
export interface DamagedSlots {
  readonly firstSlot: Slot;
  readonly lastSlot: Slot;
}

/**
 * Works out what a replica must remember from all that its log still says, in order. After damage it keeps what came
 * before it, and is counted for nothing until a leader has brought it in step: what was lost may have cut off, or
 * accepted anew, anything that followed (rule R6).
 * @param coveredThrough the last slot that a durable snapshot of one's own covers
 * @throws Error if the log is of another engine
 */
export function recoverOmnipaxos(
  records: readonly LogRecord[],
  hardState: HardState,
  damage: DamagedSlots | undefined,
  coveredThrough: Slot | undefined,
): RecoveredOmnipaxos {
  const replay = new Replay();
  for (const record of records) {
    const own = omnipaxosRecordFromLog(record);
    if (own !== undefined) replay.take(own);
  }
  const { rangePromise, decidedThrough } = hardState;
  if (rangePromise !== undefined) {
    const { round, replica } = rangePromise;
    replay.take({ kind: 'promise', ballot: { round, replica: replicaId(replica) } });
  }
  const floor = Math.max(hardState.floor, replay.floor);
  const decidedEnd = Math.max(replay.decidedEnd, (decidedThrough ?? -1) + 1);
  const end = Math.max(floor, replay.endFrom(floor, damage?.firstSlot ?? Infinity));
  const unapplied = replay.valuesBetween((coveredThrough ?? -1) + 1, floor);
  const isCovered = unapplied.size >= floor - ((coveredThrough ?? -1) + 1);
  return {
    log: {
      promised: replay.promised,
      accepted: replay.accepted,
      floor,
      values: [...replay.valuesBetween(floor, end).values()],
      decidedEnd: Math.max(floor, Math.min(decidedEnd, end)),
      counted: damage === undefined,
    },
    unapplied,
    missingThrough: isCovered ? undefined : floor - 1,
  };
}

/** Takes records one by one, as the replica wrote them. */
class Replay {
  floor: Slot = 0;
  decidedEnd: Slot = 0;
  promised: Ballot | undefined;
  accepted: Ballot | undefined;
  readonly #values = new Map<Slot, Uint8Array>();
  #end: Slot = 0;

  take(record: OmnipaxosRecord): void {
    switch (record.kind) {
      case 'promise':
        this.#promise(record.ballot);
        return;
      case 'truncate':
        for (let slot = record.from; slot < this.#end; slot += 1) this.#values.delete(slot);
        this.#end = Math.min(this.#end, record.from);
        this.#accept(record.ballot);
        return;
      case 'entry':
        this.#values.set(record.slot, record.value);
        this.#end = Math.max(this.#end, record.slot + 1);
        this.#accept(record.ballot);
        return;
      case 'decided':
        this.decidedEnd = Math.max(this.decidedEnd, record.decidedEnd);
        return;
      case 'accepted-under':
        this.#accept(record.ballot);
        return;
      case 'floor':
        this.floor = Math.max(this.floor, record.floor);
    }
  }

  /** The first slot from `first` on that is not there, or `limit`. */
  endFrom(first: Slot, limit: Slot): Slot {
    let end = first;
    while (end < limit && this.#values.has(end)) end += 1;
    return end;
  }

  /** The values of `first` up to and without `end`; those that are missing are left out. */
  valuesBetween(first: Slot, end: Slot): Map<Slot, Uint8Array> {
    const values = new Map<Slot, Uint8Array>();
    for (let slot = first; slot < end; slot += 1) {
      const value = this.#values.get(slot);
      if (value !== undefined) values.set(slot, value);
    }
    return values;
  }

  #promise(ballot: Ballot): void {
    if (compareBallots(ballot, this.promised) > 0) this.promised = ballot;
  }

  #accept(ballot: Ballot): void {
    this.#promise(ballot);
    if (compareBallots(ballot, this.accepted) > 0) this.accepted = ballot;
  }
}
