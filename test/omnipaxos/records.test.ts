import { expect } from 'chai';
import fc from 'fast-check';
import type { OmnipaxosRecord } from '../../src/omnipaxos/messages.js';
import {
  omnipaxosJournal,
  omnipaxosRecordFromLog,
  omnipaxosRecordToLog,
} from '../../src/omnipaxos/records.js';
import { foldHardState, initialHardState } from '../../src/storage/hard-state.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { HeldJournal } from '../support/held-journal.js';
import { ballotOf, ballots, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const slot = fc.integer({ min: 0, max: 2 ** 40 });
const records: fc.Arbitrary<OmnipaxosRecord> = fc.oneof(
  fc.record({ kind: fc.constant('promise' as const), ballot: ballots }),
  fc.record({ kind: fc.constant('truncate' as const), from: slot, ballot: ballots }),
  fc.record({
    kind: fc.constant('entry' as const),
    slot,
    ballot: ballots,
    value: fc.uint8Array({ maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant('decided' as const), decidedEnd: slot.map((end) => end + 1) }),
  fc.record({ kind: fc.constant('accepted-under' as const), ballot: ballots }),
  fc.record({ kind: fc.constant('floor' as const), floor: slot }),
);

describe('the records of OmniPaxos in the write-ahead log', () => {
  it('come back as they went', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(records, (record) => {
        seen.add(record.kind);
        expect(omnipaxosRecordFromLog(omnipaxosRecordToLog(record))).to.deep.equal(record);
      }),
    );
    expect(seen.size).to.equal(6);
  });

  it('are what the hard state is made of: promise, decided end and floor', () => {
    const hard = (
      [
        { kind: 'promise', ballot: ballotOf(4, 3) },
        { kind: 'decided', decidedEnd: 7 },
        { kind: 'floor', floor: 5 },
      ] satisfies OmnipaxosRecord[]
    )
      .map(omnipaxosRecordToLog)
      .reduce(foldHardState, initialHardState);
    expect(hard).to.deep.include({
      decidedThrough: 6,
      floor: 5,
      rangePromise: { from: 0, round: 4, replica: 3 },
    });
  });

  it('of other parts of a replica are passed over', () => {
    for (const kind of ['pin', 'done', 'peer-lsn'] as const) {
      expect(omnipaxosRecordFromLog(logRecord(kind, { replica: 2, payload: valueOf('x') }))).to.equal(
        undefined,
      );
    }
  });

  it('of another engine or another group are refused, and named', () => {
    for (const kind of ['promise', 'decided', 'round'] as const) {
      const { message } = thrown(
        () => omnipaxosRecordFromLog(logRecord(kind, { slot: 1, round: 1, replica: 2 })),
        Error,
      );
      expect(message).to.include(`kind ${kind}`).and.include('omnipaxos');
    }
    const foreign = { ...omnipaxosRecordToLog({ kind: 'floor', floor: 1 }), group: 3 };
    expect(thrown(() => omnipaxosRecordFromLog(foreign), Error).message).to.include('group 3');
  });

  it('go to the log together, each in its way, and wait for it', async () => {
    const log = new HeldJournal<LogRecord>();
    const journal = omnipaxosJournal(log);
    let synced = 0;
    void journal.append([{ kind: 'promise', ballot: ballotOf(1, 2) }]).then(() => (synced += 1));
    void journal.appendLazily([{ kind: 'decided', decidedEnd: 1 }]).then(() => (synced += 1));
    expect(log.appended.map(({ lazy, records: [record] }) => [lazy, record?.kind])).to.deep.equal([
      [false, 'range-promise'],
      [true, 'decided-through'],
    ]);
    await Promise.resolve();
    expect(synced).to.equal(0);
    log.sync();
    await new Promise((resolve) => setImmediate(resolve));
    expect(synced).to.equal(2);
    log.hasSpace = false;
    expect(journal.hasSpace).to.equal(false);
  });
});
