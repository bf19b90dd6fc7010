import { replicaId } from '../log/ids.js';
import type { Slot } from '../log/ids.js';
import type { Journal } from '../storage/journal.js';
import { logRecord, type LogRecord } from '../storage/log-record.js';
import type { AcceptorState } from './acceptor.js';
import { compareBallots } from '../log/ballot.js';
import type { PaxosRecord } from './messages.js';

/** A record as the write-ahead log has it; the table is in `storage/log-record.ts`. */
export function paxosRecordToLog(record: PaxosRecord): LogRecord {
  switch (record.kind) {
    case 'promise':
      return logRecord('promise', { slot: record.slot, ...record.ballot });
    case 'vote':
      return logRecord('vote', { slot: record.slot, ...record.vote.ballot, payload: record.vote.value });
    case 'decided':
      return logRecord('decided', { slot: record.slot, payload: record.value });
    case 'decided-vote':
      return logRecord('decided', { slot: record.slot, ...record.ballot });
    case 'round':
      return logRecord('round', { round: record.round });
    case 'floor':
      return logRecord('floor', { slot: record.floor });
  }
}

/**
 * What a record of the log says to this engine; undefined if it is somebody else's.
 * @throws Error if it binds an engine that this one is not
 */
export function paxosRecordFromLog(record: LogRecord): PaxosRecord | undefined {
  const { kind, slot, round, payload } = record;
  if (record.group !== 0) throw new Error(`a record is of group ${record.group}; there is only group 0`);
  switch (kind) {
    case 'promise':
      return { kind, slot, ballot: { round, replica: replicaId(record.replica) } };
    case 'vote':
      return { kind, slot, vote: { ballot: { round, replica: replicaId(record.replica) }, value: payload } };
    case 'decided':
      return round === 0
        ? { kind, slot, value: payload }
        : { kind: 'decided-vote', slot, ballot: { round, replica: replicaId(record.replica) } };
    case 'round':
      return { kind, round };
    case 'floor':
      return { kind, floor: slot };
    case 'range-promise':
    case 'truncate':
      throw new Error(
        `the log has a record of kind ${kind}, which this version of the paxos engine does not write`,
      );
    default:
      return undefined;
  }
}

/** The journal of this engine on a write-ahead log. */
export function paxosJournal(log: Journal<LogRecord>): Journal<PaxosRecord> {
  return {
    get hasSpace() {
      return log.hasSpace;
    },
    append: (records) => log.append(records.map(paxosRecordToLog)),
    appendLazily: (records) => log.appendLazily(records.map(paxosRecordToLog)),
  };
}

/** What says again all that an acceptor has promised and voted; nothing once it is decided (rule R5). */
export function recordsOf(slot: Slot, acceptor: AcceptorState): PaxosRecord[] {
  if (acceptor.phase === 'decided') return [];
  const { promised, vote } = acceptor;
  const records: PaxosRecord[] = vote === undefined ? [] : [{ kind: 'vote', slot, vote }];
  // A vote is a promise of its ballot as well.
  if (promised !== undefined && compareBallots(promised, vote?.ballot) > 0) {
    records.push({ kind: 'promise', slot, ballot: promised });
  }
  return records;
}
