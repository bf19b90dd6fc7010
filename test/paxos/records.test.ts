import { expect } from 'chai';
import fc from 'fast-check';
import { replicaId } from '../../src/log/ids.js';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import { paxosJournal, paxosRecordFromLog, paxosRecordToLog, recordsOf } from '../../src/paxos/records.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { HeldJournal } from '../support/held-journal.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const slot = fc.maxSafeNat();
const ballot = fc.record({ round: fc.integer({ min: 1 }), replica: fc.integer({ min: 1 }).map(replicaId) });
const value = fc.uint8Array({ maxLength: 20 });
const records: fc.Arbitrary<PaxosRecord> = fc.oneof(
  fc.record({ kind: fc.constant('promise' as const), slot, ballot }),
  fc.record({ kind: fc.constant('vote' as const), slot, vote: fc.record({ ballot, value }) }),
  fc.record({ kind: fc.constant('decided' as const), slot, value }),
  fc.record({ kind: fc.constant('decided-vote' as const), slot, ballot }),
  fc.record({ kind: fc.constant('round' as const), round: fc.integer({ min: 1 }) }),
  fc.record({ kind: fc.constant('floor' as const), floor: slot }),
);

describe('the records of Paxos in the log', () => {
  it('come back as they went', () => {
    fc.assert(
      fc.property(records, (record) => {
        expect(paxosRecordFromLog(paxosRecordToLog(record))).to.deep.equal(record);
      }),
      { numRuns: 500 },
    );
  });

  it('leave what others wrote alone', () => {
    for (const kind of ['done', 'pin', 'peer-lsn', 'decided-through', 'hard', 'begin', 'end'] as const) {
      expect(paxosRecordFromLog(logRecord(kind, { slot: 3, replica: 2 }))).to.equal(undefined);
    }
  });

  it('refuse what binds another engine, or another group', () => {
    for (const kind of ['range-promise', 'truncate'] as const) {
      const error = thrown(
        () => paxosRecordFromLog(logRecord(kind, { slot: 3, round: 1, replica: 2 })),
        Error,
      );
      expect(error.message).to.include(kind);
    }
    expect(thrown(() => paxosRecordFromLog(logRecord('round', { group: 1 })), Error).message).to.include(
      'group 1',
    );
  });

  it('go through the adapter in order, and wait for what the log waits for', async () => {
    const log = new HeldJournal<LogRecord>();
    const journal = paxosJournal(log);
    const synced: string[] = [];
    void journal.append([{ kind: 'round', round: 7 }]).then(() => synced.push('round'));
    void journal.appendLazily([{ kind: 'floor', floor: 4 }]).then(() => synced.push('floor'));
    expect(log.appended.map(({ lazy }) => lazy)).to.deep.equal([false, true]);
    expect(log.records).to.deep.equal([logRecord('round', { round: 7 }), logRecord('floor', { slot: 4 })]);
    log.appended[0]!.resolve();
    await Promise.resolve().then(() => undefined);
    expect(synced).to.deep.equal(['round']);
    log.hasSpace = false;
    expect(journal.hasSpace).to.equal(false);
  });

  it('say again all that an open acceptor holds, and nothing of a decided one', () => {
    const [low, high] = [ballotOf(1, 1), ballotOf(2, 1)];
    const vote = { ballot: low, value: valueOf('value') };
    expect(recordsOf(3, { phase: 'open', promised: high, vote })).to.deep.equal([
      { kind: 'vote', slot: 3, vote },
      { kind: 'promise', slot: 3, ballot: high },
    ]);
    expect(recordsOf(3, { phase: 'open', promised: low, vote })).to.deep.equal([
      { kind: 'vote', slot: 3, vote },
    ]);
    expect(recordsOf(3, { phase: 'open', promised: low, vote: undefined })).to.deep.equal([
      { kind: 'promise', slot: 3, ballot: low },
    ]);
    expect(recordsOf(3, { phase: 'open', promised: undefined, vote: undefined })).to.deep.equal([]);
    expect(recordsOf(3, { phase: 'decided', value: valueOf('value') })).to.deep.equal([]);
  });
});
