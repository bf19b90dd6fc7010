import { expect } from 'chai';
import type { AcceptorState } from '../../src/paxos/acceptor.js';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import { paxosRecordToLog } from '../../src/paxos/records.js';
import { recoverPaxos, type DamagedSlots, type RecoveredPaxos } from '../../src/paxos/recovery.js';
import { foldHardState, initialHardState, type HardState } from '../../src/storage/hard-state.js';
import { logRecord } from '../../src/storage/log-record.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const [low, middle, high] = [ballotOf(1, 2), ballotOf(2, 1), ballotOf(3, 3)];
const x = valueOf('x');
const y = valueOf('y');

const promise = (slot: number, ballot = low): PaxosRecord => ({ kind: 'promise', slot, ballot });
const vote = (slot: number, ballot = low, value = x): PaxosRecord => ({
  kind: 'vote',
  slot,
  vote: { ballot, value },
});
const decided = (slot: number, value = x): PaxosRecord => ({ kind: 'decided', slot, value });
const decidedVote = (slot: number, ballot = low): PaxosRecord => ({ kind: 'decided-vote', slot, ballot });
const floorAt = (floor: number): PaxosRecord => ({ kind: 'floor', floor });

interface Rest {
  readonly hard?: Partial<HardState> | undefined;
  readonly damage?: DamagedSlots | undefined;
  readonly covered?: number | undefined;
}

const recover = (records: readonly PaxosRecord[], { hard, damage, covered }: Rest = {}): RecoveredPaxos => {
  const log = records.map(paxosRecordToLog);
  return recoverPaxos(log, { ...log.reduce(foldHardState, initialHardState), ...hard }, damage, covered);
};
const state = (records: readonly PaxosRecord[], slot = 4): AcceptorState | undefined =>
  recover(records).instances.get(slot);
const openWith = (promised = low, cast?: { ballot: typeof low; value: Uint8Array }): AcceptorState => ({
  phase: 'open',
  promised,
  vote: cast,
});

describe('the recovery of a Paxos peer', () => {
  it('finds nothing in an empty log', () => {
    expect(recover([])).to.deep.equal({
      floor: 0,
      floorToRecord: undefined,
      highestRound: 0,
      instances: new Map(),
      unapplied: new Map(),
      silent: undefined,
      missingThrough: undefined,
    });
  });

  it('brings back promises and votes, and the highest of each', () => {
    expect(state([promise(4)])).to.deep.equal(openWith(low));
    expect(state([vote(4)])).to.deep.equal(openWith(low, { ballot: low, value: x }));
    expect(state([promise(4), promise(4, high)])).to.deep.equal(openWith(high));
    expect(state([vote(4), promise(4, high)])).to.deep.equal(openWith(high, { ballot: low, value: x }));
    expect(state([vote(4), vote(4, middle, y)])).to.deep.equal(
      openWith(middle, { ballot: middle, value: y }),
    );
  });

  it('is not led astray by what was said again at the end of the log', () => {
    const before = [vote(4), promise(4, high)];
    expect(state([...before, vote(4)])).to.deep.equal(openWith(high, { ballot: low, value: x }));
    expect(state([...before, ...before])).to.deep.equal(state(before));
    expect(state([vote(4), decidedVote(4), vote(4), promise(4, high)])).to.deep.equal({
      phase: 'decided',
      value: x,
    });
  });

  it('brings back decisions in both forms', () => {
    expect(state([decided(4, y)])).to.deep.equal({ phase: 'decided', value: y });
    expect(state([vote(4, low, y), decidedVote(4)])).to.deep.equal({ phase: 'decided', value: y });
    expect(state([vote(4, low, x), decided(4, y)])).to.deep.equal({ phase: 'decided', value: y });
  });

  it('leaves a slot open, and is silent up to it, when the vote that its decision names is lost', () => {
    for (const records of [[decidedVote(4, middle)], [vote(4, low, y), decidedVote(4, middle)]]) {
      const recovered = recover(records);
      expect(recovered.instances.get(4)).to.deep.include({ phase: 'open', promised: middle });
      expect(recovered.silent).to.deep.equal({ first: 4, last: 4 });
    }
    const relearned = recover([decidedVote(4), decided(4, y)]);
    expect(relearned.instances.get(4)).to.deep.equal({ phase: 'decided', value: y });
    expect(relearned.silent).to.equal(undefined);
  });

  it('takes the highest round from every record that has one, and from the hard state', () => {
    const rounds = (records: PaxosRecord[], hard?: Partial<HardState>) =>
      recover(records, { hard }).highestRound;
    expect(rounds([{ kind: 'round', round: 9 }])).to.equal(9);
    expect(rounds([promise(1, high)])).to.equal(3);
    expect(rounds([vote(1, high)])).to.equal(3);
    expect(rounds([decidedVote(1, high)])).to.equal(3);
    expect(rounds([promise(1, high)], { highestRound: 12 })).to.equal(12);
  });

  it('takes the floor from the hard state and the records, never from Done', () => {
    expect(recover([floorAt(3), floorAt(2)]).floor).to.equal(3);
    expect(recover([], { hard: { floor: 5 } }).floor).to.equal(5);
    const done = [1, 2, 3].map((replica) => logRecord('done', { replica, slot: 9 }));
    expect(recoverPaxos(done, initialHardState, undefined, undefined).floor).to.equal(0);
  });

  it('holds nothing below the floor, but hands on the decisions there that no snapshot covers', () => {
    const log = [0, 1, 2, 3].flatMap((slot) => [vote(slot), decidedVote(slot)]);
    const recovered = recover([...log, vote(4), floorAt(3)], { covered: 0 });
    expect([...recovered.instances.keys()]).to.deep.equal([3, 4]);
    expect(recovered.unapplied).to.deep.equal(
      new Map([
        [1, x],
        [2, x],
      ]),
    );
    expect(recovered.missingThrough).to.equal(undefined);
  });

  it('says through where the state is nowhere on this disk', () => {
    const missing = (records: PaxosRecord[], covered?: number) =>
      recover(records, { covered }).missingThrough;
    expect(missing([floorAt(3), decided(1), decided(2)], 0)).to.equal(undefined);
    expect(missing([floorAt(3), decided(1)], 0)).to.equal(2);
    expect(missing([floorAt(3), decided(1), decided(2)])).to.equal(2);
    expect(missing([floorAt(3)], 2)).to.equal(undefined);
    expect(missing([floorAt(3)], 7)).to.equal(undefined);
  });

  it('says that the floor must rise above a snapshot unless all below it is known decided', () => {
    const toRecord = (records: PaxosRecord[], covered?: number) =>
      recover(records, { covered }).floorToRecord;
    expect(toRecord([decided(0), decided(1)], 1)).to.equal(undefined);
    expect(toRecord([decided(0), vote(1)], 1)).to.equal(2);
    expect(toRecord([decided(0)], 1)).to.equal(2);
    expect(toRecord([floorAt(1), decided(1)], 1)).to.equal(undefined);
    expect(toRecord([floorAt(9)], 4)).to.equal(undefined);
    expect(toRecord([vote(0)])).to.equal(undefined);
  });

  it('is silent where damage may have taken votes, until all of it is known', () => {
    const damage = { firstSlot: 2, lastSlot: 4 };
    const silent = (records: PaxosRecord[], rest: Rest = {}) => recover(records, { damage, ...rest }).silent;
    expect(silent([])).to.deep.equal({ first: 2, last: 4 });
    expect(silent([decided(2), decided(3)])).to.deep.equal({ first: 4, last: 4 });
    expect(silent([decided(3), decided(4)])).to.deep.equal({ first: 2, last: 4 });
    expect(silent([decided(2), decided(3), decided(4)])).to.equal(undefined);
    expect(silent([decided(4)], { covered: 3 })).to.equal(undefined);
    expect(silent([], { covered: 3 })).to.deep.equal({ first: 4, last: 4 });
    expect(silent([floorAt(5)])).to.equal(undefined);
    expect(silent([], { damage: { firstSlot: 3, lastSlot: 2 } })).to.equal(undefined);
  });

  it('finds in a log that was cut off anywhere just what had been said by then', () => {
    const log = [promise(4), vote(4), promise(4, high), { kind: 'round', round: 5 } as const, decided(4, y)];
    const expected = [
      undefined,
      openWith(low),
      openWith(low, { ballot: low, value: x }),
      openWith(high, { ballot: low, value: x }),
      openWith(high, { ballot: low, value: x }),
      { phase: 'decided', value: y },
    ];
    expected.forEach((acceptor, length) => {
      expect(state(log.slice(0, length))).to.deep.equal(acceptor);
    });
  });

  it('refuses the log of an engine with range promises', () => {
    const hard = { rangePromise: { from: 3, round: 1, replica: 2 } };
    expect(thrown(() => recover([], { hard }), Error).message).to.include('range promise');
  });
});
