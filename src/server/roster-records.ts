import type { DoneEntry } from '../log/done-map.js';
import { incarnation, replicaId } from '../log/ids.js';
import {
  heardLog,
  unheardLog,
  type PeerLog,
  type Pin,
  type RecordedPeers,
  type Roster,
} from '../log/roster.js';
import { logRecord, type LogRecord } from '../storage/log-record.js';

const encodeText = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const incarnationOf = (record: LogRecord) => incarnation(Buffer.from(record.payload).toString('utf8'));

/** The record that a replica is known by its incarnation. */
export const pinRecord = ({ replica, incarnation }: Omit<Pin, 'log'>): LogRecord =>
  logRecord('pin', { replica, payload: encodeText(incarnation) });

const lsnRecord = ({ replica, incarnation }: Pin, bootCounter: number, durableLsn: number): LogRecord =>
  logRecord('peer-lsn', { replica, slot: durableLsn, round: bootCounter, payload: encodeText(incarnation) });

const lsnRecords = (pin: Pin): LogRecord[] => {
  const { bootCounter, durableLsn, earlierDurableLsn } = pin.log;
  return [
    ...(earlierDurableLsn === 0 ? [] : [lsnRecord(pin, bootCounter - 1, earlierDurableLsn)]),
    lsnRecord(pin, bootCounter, durableLsn),
  ];
};

const doneRecord = ({ replica, incarnation, through }: DoneEntry): LogRecord =>
  logRecord('done', {
    replica,
    slot: through === undefined ? 0 : through + 1,
    payload: encodeText(incarnation),
  });

const doneEntryFrom = (record: LogRecord): DoneEntry => ({
  replica: replicaId(record.replica),
  incarnation: incarnationOf(record),
  through: record.slot === 0 ? undefined : record.slot - 1,
});

/** What the log's records say of the peers, the own pin included: that one says that the directory has been shown. */
export function recordedPeers(records: readonly LogRecord[]): RecordedPeers {
  const pins = new Map<number, Pin>();
  const done = new Map<number, DoneEntry>();
  for (const record of records) {
    switch (record.kind) {
      case 'pin': {
        const before = pins.get(record.replica);
        const incarnation = incarnationOf(record);
        // Said again before segments go, or by two greetings at once: what the peer told meanwhile stays.
        const log = before?.incarnation === incarnation ? before.log : unheardLog;
        pins.set(record.replica, { replica: replicaId(record.replica), incarnation, log });
        break;
      }
      case 'peer-lsn': {
        const pin = pins.get(record.replica);
        if (pin?.incarnation === incarnationOf(record)) {
          pins.set(record.replica, { ...pin, log: heardLog(pin.log, record.round, record.slot) });
        }
        break;
      }
      case 'done': {
        const entry = doneEntryFrom(record);
        const before = done.get(record.replica);
        const hasFallen =
          before?.incarnation === entry.incarnation && (before.through ?? -1) > (entry.through ?? -1);
        if (!hasFallen) done.set(record.replica, entry);
        break;
      }
      default:
    }
  }
  return { pins: [...pins.values()], done: [...done.values()] };
}

/**
 * What the log keeps of a roster: Done values and how far the peers' logs reach. Both only ever rise, so losing the
 * last of them costs nothing but time; they ride in frames that are written anyway (rules R6, R10).
 */
export class RosterRecords {
  readonly #roster: Roster;
  readonly #writtenDone = new Map<number, number | undefined>();
  readonly #writtenLogs = new Map<number, PeerLog>();

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** What has risen since the last call. */
  changed(): LogRecord[] {
    const done = this.#roster.done
      .entries()
      .filter(({ replica, through }) => this.#writtenDone.get(replica) !== through);
    for (const { replica, through } of done) this.#writtenDone.set(replica, through);
    const pins = this.#roster.pins().filter(({ replica, log }) => this.#writtenLogs.get(replica) !== log);
    for (const { replica, log } of pins) this.#writtenLogs.set(replica, log);
    return [...done.map(doneRecord), ...pins.flatMap(lsnRecords)];
  }

  /** All of it, pins included: what must be said again before the segments that said it go (rule R5). */
  all(own: Omit<Pin, 'log'> | undefined): LogRecord[] {
    const pins = this.#roster.pins();
    return [
      ...[...(own === undefined ? [] : [own]), ...pins].map(pinRecord),
      ...pins.flatMap(lsnRecords),
      ...this.#roster.done.entries().map(doneRecord),
    ];
  }
}
