import { replicaId } from '../log/ids.js';
import type { Journal } from '../storage/journal.js';
import { logRecord, type LogRecord } from '../storage/log-record.js';
import type { OmnipaxosRecord } from './messages.js';

/** A record as the write-ahead log has it; the table is in `storage/log-record.ts`. */
export function omnipaxosRecordToLog(record: OmnipaxosRecord): LogRecord {
  switch (record.kind) {
    case 'promise':
      return logRecord('range-promise', { slot: 0, ...record.ballot });
    case 'truncate':
      return logRecord('truncate', { slot: record.from, ...record.ballot });
    case 'entry':
      return logRecord('vote', { slot: record.slot, ...record.ballot, payload: record.value });
    case 'decided':
      return logRecord('decided-through', { slot: record.decidedEnd - 1 });
    case 'accepted-under':
      return logRecord('hard', record.ballot);
    case 'floor':
      return logRecord('floor', { slot: record.floor });
  }
}

/**
 * What a record of the log says to this engine; undefined if it is somebody else's.
 * @throws Error if it binds an engine that this one is not
 */
export function omnipaxosRecordFromLog(record: LogRecord): OmnipaxosRecord | undefined {
  const { kind, slot, round, payload } = record;
  if (record.group !== 0) throw new Error(`a record is of group ${record.group}; there is only group 0`);
  const ballot = () => ({ round, replica: replicaId(record.replica) });
  switch (kind) {
    case 'range-promise':
      return { kind: 'promise', ballot: ballot() };
    case 'truncate':
      return { kind, from: slot, ballot: ballot() };
    case 'vote':
      return { kind: 'entry', slot, ballot: ballot(), value: payload };
    case 'decided-through':
      return { kind: 'decided', decidedEnd: slot + 1 };
    case 'hard':
      return { kind: 'accepted-under', ballot: ballot() };
    case 'floor':
      return { kind, floor: slot };
    case 'promise':
    case 'decided':
    case 'round':
      throw new Error(`the log has a record of kind ${kind}, which the omnipaxos engine does not write`);
    default:
      return undefined;
  }
}

/** The journal of this engine on a write-ahead log. */
export function omnipaxosJournal(log: Journal<LogRecord>): Journal<OmnipaxosRecord> {
  return {
    get hasSpace() {
      return log.hasSpace;
    },
    append: (records) => log.append(records.map(omnipaxosRecordToLog)),
    appendLazily: (records) => log.appendLazily(records.map(omnipaxosRecordToLog)),
  };
}
