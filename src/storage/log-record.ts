import type { Slot } from '../log/ids.js';

/**
 * What a record of the write-ahead log says. The kinds of every engine are here from the start, because a kind that
 * is not known refuses to start.
 *
 * | kind | slot | round, replica | payload |
 * |---|---|---|---|
 * | promise | the slot | the ballot promised | |
 * | range-promise | first slot of the range | the ballot promised | |
 * | vote | the slot | the ballot voted under | the value |
 * | decided | the slot | the ballot of the own vote whose value is decided; 0, 0 if the payload has it | the value, or empty |
 * | decided-through | the last slot | | |
 * | truncate | the first slot that goes | the accepted round (OmniPaxos) | |
 * | floor | the lowest slot still held | | |
 * | round | | the highest round used | |
 * | hard | | the ballot under which the log as it is was last accepted (OmniPaxos) | |
 * | done | Done value plus one; 0 is none | replica whose it is | its incarnation |
 * | pin | | replica that is known | its incarnation |
 * | peer-lsn | the LSN | round: the boot counter with which it was told; replica: who told it | its incarnation |
 * | begin, end | | | bound a transaction of more than one frame; the log writes and reads them itself |
 */
export const recordKinds = {
  promise: 1,
  'range-promise': 2,
  vote: 3,
  'decided-through': 4,
  truncate: 5,
  floor: 6,
  round: 7,
  hard: 8,
  decided: 9,
  done: 10,
  pin: 11,
  'peer-lsn': 12,
  begin: 13,
  end: 14,
} as const;

export type RecordKind = keyof typeof recordKinds;

/** One record. Fields that its kind has no use for are 0 or empty. */
export interface LogRecord {
  readonly kind: RecordKind;
  /** The replication group within the process; 0 is the only one so far. */
  readonly group: number;
  readonly slot: Slot;
  readonly round: number;
  readonly replica: number;
  readonly payload: Uint8Array;
}

const nothing = new Uint8Array(0);

/** A record of group 0 with every field that is not named left empty. */
export const logRecord = (kind: RecordKind, fields: Partial<Omit<LogRecord, 'kind'>>): LogRecord => ({
  kind,
  group: 0,
  slot: 0,
  round: 0,
  replica: 0,
  payload: nothing,
  ...fields,
});

/** Kinds whose slot is a slot of the log that they say something of; a frame's header names the range of these. */
export const namesSlot = (kind: RecordKind): boolean =>
  kind === 'promise' || kind === 'vote' || kind === 'decided' || kind === 'truncate';
