import { expect } from 'chai';
import fc from 'fast-check';
import type { OmnipaxosRecord } from '../../src/omnipaxos/messages.js';
import { omnipaxosRecordToLog } from '../../src/omnipaxos/records.js';
import {
  recoverOmnipaxos,
  type DamagedSlots,
  type RecoveredOmnipaxos,
} from '../../src/omnipaxos/recovery.js';
import { foldHardState, initialHardState, type HardState } from '../../src/storage/hard-state.js';
import { logRecord } from '../../src/storage/log-record.js';
import {
  acceptDecideOf,
  acceptSyncOf,
  OmnipaxosMachine,
  prepareOf,
  promiseTo,
} from '../support/omnipaxos-machine.js';
import { ballotOf, textOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const [low, middle, high] = [ballotOf(1, 2), ballotOf(2, 1), ballotOf(3, 3)];

const promise = (ballot = low): OmnipaxosRecord => ({ kind: 'promise', ballot });
const entry = (slot: number, ballot = low, text = `${slot}`): OmnipaxosRecord => ({
  kind: 'entry',
  slot,
  ballot,
  value: valueOf(text),
});
const entries = (first: number, last: number, ballot = low): OmnipaxosRecord[] =>
  Array.from({ length: last - first + 1 }, (_, index) => entry(first + index, ballot));
const truncate = (from: number, ballot = middle): OmnipaxosRecord => ({ kind: 'truncate', from, ballot });
const decided = (decidedEnd: number): OmnipaxosRecord => ({ kind: 'decided', decidedEnd });
const floorAt = (floor: number): OmnipaxosRecord => ({ kind: 'floor', floor });
const acceptedUnder = (ballot: typeof low): OmnipaxosRecord => ({ kind: 'accepted-under', ballot });

interface Rest {
  readonly hard?: Partial<HardState>;
  readonly damage?: DamagedSlots;
  readonly covered?: number;
}

const recover = (
  records: readonly OmnipaxosRecord[],
  { hard = {}, damage, covered }: Rest = {},
): RecoveredOmnipaxos => {
  const log = records.map(omnipaxosRecordToLog);
  return recoverOmnipaxos(log, { ...log.reduce(foldHardState, initialHardState), ...hard }, damage, covered);
};
/** The log in short: floor, texts, decided end. */
const found = (records: readonly OmnipaxosRecord[], rest: Rest = {}): unknown[] => {
  const { floor, values, decidedEnd } = recover(records, rest).log;
  return [floor, values.map(textOf).join(' '), decidedEnd];
};

describe('the recovery of a replica of OmniPaxos', () => {
  it('finds nothing in an empty log', () => {
    expect(recover([])).to.deep.equal({
      log: { promised: undefined, accepted: undefined, floor: 0, values: [], decidedEnd: 0, counted: true },
      unapplied: new Map(),
      missingThrough: undefined,
    });
  });

  it('brings back the highest promise, from its records, from what was accepted, and from the hard state', () => {
    const promised = (records: OmnipaxosRecord[], hard?: Partial<HardState>) =>
      recover(records, hard === undefined ? {} : { hard }).log.promised;
    expect(promised([promise(low)])).to.deep.equal(low);
    expect(promised([promise(high), promise(low)])).to.deep.equal(high);
    expect(promised([entry(0, middle)])).to.deep.equal(middle);
    expect(promised([truncate(0, high)])).to.deep.equal(high);
    expect(promised([promise(low)], { rangePromise: { from: 0, round: 9, replica: 1 } })).to.deep.equal(
      ballotOf(9, 1),
    );
    expect(recover([promise(high)]).log.accepted, 'which is no acceptance').to.equal(undefined);
  });

  it('brings back entries without a decision, and the ballot that they were accepted under', () => {
    expect(found([...entries(0, 2)])).to.deep.equal([0, '0 1 2', 0]);
    expect(recover(entries(0, 2)).log.accepted).to.deep.equal(low);
    expect(found([...entries(0, 2), decided(2)])).to.deep.equal([0, '0 1 2', 2]);
  });

  it('knows a log accepted anew though nothing was added', () => {
    const { log } = recover([...entries(0, 2), truncate(3, middle)]);
    expect([log.accepted, log.values.length]).to.deep.equal([middle, 3]);
  });

  it('finds a suffix that a later leader cut off gone, also where it wrote less', () => {
    const cut = [...entries(0, 4), truncate(2), entry(2, middle, 'x')];
    expect(found(cut)).to.deep.equal([0, '0 1 x', 0]);
    expect(found([...cut, entry(3, middle, 'y')])).to.deep.equal([0, '0 1 x y', 0]);
    expect(recover(cut).log.accepted).to.deep.equal(middle);
    expect(found([...entries(0, 4), truncate(2)])).to.deep.equal([0, '0 1', 0]);
  });

  it('takes nothing as decided that it does not hold', () => {
    expect(found([...entries(0, 1), decided(5)])).to.deep.equal([0, '0 1', 2]);
    expect(found([...entries(0, 3)], { hard: { decidedThrough: 2 } })).to.deep.equal([0, '0 1 2 3', 3]);
  });

  it('holds nothing below the floor, and takes what is below it as decided', () => {
    expect(found([...entries(0, 4), decided(4), floorAt(3)])).to.deep.equal([3, '3 4', 4]);
    expect(found([...entries(0, 4), floorAt(3), floorAt(2)])).to.deep.equal([3, '3 4', 3]);
    expect(found([...entries(0, 1)], { hard: { floor: 9 } })).to.deep.equal([9, '', 9]);
  });

  it('takes what follows a gap for nothing', () => {
    expect(found([...entries(0, 1), entry(3)])).to.deep.equal([0, '0 1', 0]);
    expect(found([...entries(5, 6)])).to.deep.equal([0, '', 0]);
    expect(found([...entries(5, 6), floorAt(5)])).to.deep.equal([5, '5 6', 5]);
  });

  it('hands on the decisions below the floor that no snapshot covers, and says what is nowhere on this disk', () => {
    const log = [...entries(0, 5), decided(5), floorAt(4)];
    const unapplied = (covered?: number) =>
      [...recover(log, covered === undefined ? {} : { covered }).unapplied].map(
        ([slot, value]) => `${slot} ${textOf(value)}`,
      );
    expect(unapplied()).to.deep.equal(['0 0', '1 1', '2 2', '3 3']);
    expect(unapplied(1)).to.deep.equal(['2 2', '3 3']);
    expect(unapplied(3)).to.deep.equal([]);
    expect(unapplied(7), 'a snapshot above the floor').to.deep.equal([]);
    const missing = (records: OmnipaxosRecord[], covered?: number) =>
      recover(records, covered === undefined ? {} : { covered }).missingThrough;
    expect(missing(log)).to.equal(undefined);
    expect(missing([...entries(2, 5), floorAt(4)])).to.equal(3);
    expect(missing([...entries(2, 5), floorAt(4)], 1)).to.equal(undefined);
    expect(missing([...entries(3, 5), floorAt(4)], 1)).to.equal(3);
    expect(missing([floorAt(4)], 3)).to.equal(undefined);
    expect(missing([floorAt(4)], 9)).to.equal(undefined);
  });

  it('keeps promise and ballot when the segments that said them are gone', () => {
    const machine = new OmnipaxosMachine({ me: 2 }).connect(1, 3);
    machine.follow(middle, ['a', 'b'], 2);
    machine.receive(3, prepareOf(high, 1));
    const live = machine.replica.liveRecords();
    expect(recover([...live, floorAt(2)]).log).to.deep.equal({
      promised: high,
      accepted: middle,
      floor: 2,
      values: [],
      decidedEnd: 2,
      counted: true,
    });
    expect(new OmnipaxosMachine().replica.liveRecords()).to.deep.equal([]);
    expect(recover([acceptedUnder(middle), promise(high), acceptedUnder(low)]).log.accepted).to.deep.equal(
      middle,
    );
  });

  it('is not led astray by what was said again at the end of the log', () => {
    const log = [...entries(0, 2), truncate(1), entry(1, middle, 'x'), decided(1), promise(high)];
    const again = [promise(high), acceptedUnder(middle), decided(1), floorAt(0)];
    expect(recover([...log, ...again])).to.deep.equal(recover(log));
  });

  it('counts a damaged log for nothing, and keeps only what came before the damage', () => {
    const log = [...entries(0, 6), decided(6), promise(high)];
    const damaged = (firstSlot: number, lastSlot: number, rest: Rest = {}, records = log) => {
      const { counted } = recover(records, { ...rest, damage: { firstSlot, lastSlot } }).log;
      return [counted, ...found(records, { ...rest, damage: { firstSlot, lastSlot } })];
    };
    expect(damaged(3, 4)).to.deep.equal([false, 0, '0 1 2', 3]);
    expect(damaged(6, 9)).to.deep.equal([false, 0, '0 1 2 3 4 5', 6]);
    expect(damaged(0, 0)).to.deep.equal([false, 0, '', 0]);
    const raised = [...log, floorAt(5)];
    expect(damaged(1, 2, {}, raised), 'below the floor').to.deep.equal([false, 5, '', 5]);
    expect(damaged(4, 6, { covered: 4 }, raised), 'across it').to.deep.equal([false, 5, '', 5]);
    expect(recover(log, { damage: { firstSlot: 3, lastSlot: 4 } }).log.promised).to.deep.equal(high);
  });

  it('finds in a log that ends anywhere just what had been said by then', () => {
    const text = fc.constantFrom('a', 'b', 'c');
    const moves = fc.array(
      fc.oneof(
        fc.record({
          kind: fc.constant('append' as const),
          texts: fc.array(text, { minLength: 1, maxLength: 3 }),
        }),
        fc.record({
          kind: fc.constant('replace' as const),
          share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
          texts: fc.array(text, { maxLength: 3 }),
        }),
        fc.record({
          kind: fc.constant('decide' as const),
          share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        }),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(moves, (sequence) => {
        const machine = new OmnipaxosMachine({ me: 2 }).follow(low, []);
        let [round, counter] = [1, 0];
        for (const move of sequence) {
          const { acceptedEnd, decidedEnd } = machine.replica.log;
          const ballot = ballotOf(round, 1);
          if (move.kind === 'replace') {
            round += 1;
            counter = 0;
            const first = decidedEnd + Math.floor(move.share * (acceptedEnd - decidedEnd + 1));
            machine.receive(1, prepareOf(ballotOf(round, 1), 1));
            machine.receive(1, acceptSyncOf(ballotOf(round, 1), 1, Math.min(first, acceptedEnd), move.texts));
          } else {
            counter += 1;
            const texts = move.kind === 'append' ? move.texts : [];
            const end = move.kind === 'decide' ? Math.floor(move.share * acceptedEnd) : 0;
            machine.receive(1, acceptDecideOf(ballot, 1, counter, acceptedEnd, texts, end));
          }
          const records = [...machine.records, ...machine.lazily];
          const { log } = recover(records);
          expect(log.values.map(textOf)).to.deep.equal(machine.texts);
          expect([log.accepted, log.promised]).to.deep.equal([
            machine.replica.log.accepted,
            machine.replica.log.promised,
          ]);
          expect(log.decidedEnd).to.equal(machine.replica.log.decidedEnd);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('refuses the log of another engine', () => {
    const foreign = [logRecord('round', { round: 4 })];
    expect(
      thrown(() => recoverOmnipaxos(foreign, initialHardState, undefined, undefined), Error).message,
    ).to.include('kind round');
  });
});

describe('a replica of OmniPaxos whose log was damaged', () => {
  const damagedLog = {
    values: ['a'].map(valueOf),
    promised: low,
    accepted: low,
    decidedEnd: 1,
    counted: false,
  };

  it('is counted for nothing by a leader, and says nothing of its log', () => {
    const leader = new OmnipaxosMachine().connect(2, 3);
    leader.round({ 2: {}, 3: {} });
    const [two] = leader.sent(2, 'prepare');
    leader.receive(2, promiseTo(two!, { counted: false, accepted: high, acceptedEnd: 9 }));
    expect(leader.replica.phase.kind).to.equal('preparing');
    const [three] = leader.sent(3, 'prepare');
    leader.receive(3, promiseTo(three!));
    expect(leader.replica.phase.kind).to.equal('leading');
    expect(leader.replica.log.acceptedEnd).to.equal(0);
    const damaged = new OmnipaxosMachine({ me: 2, log: { ...damagedLog, values: ['a', 'b'].map(valueOf) } });
    damaged.connect(3).receive(3, prepareOf(high, 1));
    expect(damaged.sent(3, 'promise')[0]).to.deep.include({ counted: false, values: [], last: true });
  });

  it('is brought in step from what it knows decided, and counted from then on', () => {
    const leader = new OmnipaxosMachine();
    const ballot = leader.elect();
    leader.propose('a', 'b', 'c');
    leader.connect(2);
    const [prepare] = leader.sent(2, 'prepare').slice(-1);
    leader.receive(
      2,
      promiseTo(prepare!, { counted: false, accepted: ballot, acceptedEnd: 3, decidedEnd: 1 }),
    );
    expect(leader.sent(2, 'accept-sync').at(-1)).to.deep.include({
      first: 1,
      values: ['b', 'c'].map(valueOf),
    });
    const damaged = new OmnipaxosMachine({ me: 2, log: damagedLog }).connect(3);
    expect(damaged.replica.log.counted).to.equal(false);
    damaged.receive(3, prepareOf(high, 1));
    damaged.receive(3, acceptSyncOf(high, 1, 1, ['b', 'c']));
    expect([damaged.replica.log.counted, damaged.texts]).to.deep.equal([true, ['a', 'b', 'c']]);
  });

  it('does not lead until then, whatever it hears', () => {
    const damaged = new OmnipaxosMachine({ me: 2, log: damagedLog }).connect(1, 3);
    for (let round = 0; round < 5; round += 1) damaged.round({ 1: {}, 3: {} });
    expect(damaged.replica.log.promised).to.deep.equal(low);
    expect(damaged.sent(undefined, 'prepare')).to.deep.equal([]);
  });
});
