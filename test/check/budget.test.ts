import { expect } from 'chai';
import { HistoryError, type HistoryEntry } from '../../src/check/history.js';
import { checkLinearizable } from '../../src/check/linearizable.js';
import { randomFor, seed } from '../scenarios/report.js';
import { ToldClient } from '../support/history-entries.js';
import { mutated, randomLegalHistory } from '../support/history-random.js';

const hard = (name: string): HistoryEntry[] =>
  randomLegalHistory(randomFor(name), {
    clients: 8,
    operations: 300,
    keys: 1,
    kinds: ['get', 'put', 'append', 'put-hash'],
    value: (number) => String(number % 3),
    unknownPercent: 20,
    halfCallTime: 40,
  });

/** Ends after so many looks at it. */
const clockOf = (looks: number) => {
  let left = looks;
  return { now: () => (left-- > 0 ? 0 : 1000) };
};

describe('the limits of a check', () => {
  it(`end it with the verdict unknown and how far it came (seed ${seed})`, () => {
    const history = hard('the limits of a check');
    const verdict = checkLinearizable(history, { stepLimit: 200 });
    if (verdict.kind !== 'unknown') throw new Error(`it is ${verdict.kind}`);
    expect(verdict).to.include({ key: 'key0', exhausted: 'steps' });
    expect(verdict.steps).to.be.within(200, 300);
    const { placed, answered, keys, keysChecked } = verdict.progress;
    expect({ keys, keysChecked }).to.deep.equal({ keys: 1, keysChecked: 0 });
    expect(answered).to.equal(history.filter(({ end }) => end.kind === 'answered').length);
    expect(placed).to.be.within(1, answered - 1);
  });

  it(`are of time and of memory as well (seed ${seed})`, () => {
    const history = hard('the limits of a check');
    expect(checkLinearizable(history, { time: { clock: clockOf(1), limitMs: 1000 } })).to.include({
      kind: 'unknown',
      exhausted: 'time',
    });
    expect(checkLinearizable(history, { memoryLimitBytes: 1000 })).to.include({
      kind: 'unknown',
      exhausted: 'memory',
    });
  });

  it(`never make a wrong verdict, whatever they are (seed ${seed})`, () => {
    const random = randomFor('limits never make a wrong verdict');
    const counts = { linearizable: 0, violated: 0, unknown: 0 };
    for (let number = 0; number < 400; number += 1) {
      const legal = randomLegalHistory(random, {
        clients: 5,
        operations: 30,
        keys: 2,
        kinds: ['get', 'put', 'append', 'put-hash'],
        value: () => String(random.below(3)),
        unknownPercent: 15,
        halfCallTime: 20,
      });
      const history = number % 2 === 0 ? legal : mutated(random, legal);
      const sure = checkLinearizable(history).kind;
      const hasty = checkLinearizable(history, { stepLimit: random.below(60) });
      counts[hasty.kind] += 1;
      if (hasty.kind !== 'unknown') expect(hasty.kind, `history ${number}`).to.equal(sure);
    }
    for (const count of Object.values(counts)) expect(count, JSON.stringify(counts)).to.be.at.least(20);
  });

  it('leave keys checked that need little, and a violation found on another key', () => {
    const [small, odd] = [new ToldClient('a', 'small'), new ToldClient('a', 'odd')];
    const history = [...hard('the limits of a check'), small.put('1', 0, 1)];
    const verdict = checkLinearizable(history, { stepLimit: 200 });
    if (verdict.kind !== 'unknown') throw new Error(`it is ${verdict.kind}`);
    expect(verdict.progress).to.include({ keys: 2, keysChecked: 1 });
    expect(checkLinearizable([...history, odd.get('?', 0, 1)], { stepLimit: 200 }).kind).to.equal('violated');
  });

  it('say so where a violation is certain and its beginning was not found', () => {
    const client = new ToldClient('a');
    const history = Array.from({ length: 40 }, (_entry, index) =>
      client.append('x', 2 * index, 2 * index + 1),
    );
    const verdict = checkLinearizable([...history, client.get('y', 90, 91), client.get('z', 92, 93)], {
      stepLimit: 5,
    });
    if (verdict.kind !== 'violated') throw new Error(`it is ${verdict.kind}`);
    expect(verdict.violation.narrowed).to.equal(false);
  });

  it('are numbers from 0', () => {
    expect(() => checkLinearizable([], { stepLimit: -1 })).to.throw(RangeError, 'stepLimit is -1');
    expect(() => checkLinearizable([], { memoryLimitBytes: NaN })).to.throw(
      RangeError,
      'memoryLimitBytes is NaN',
    );
    expect(() => checkLinearizable([], { time: { clock: clockOf(1), limitMs: -5 } })).to.throw(
      RangeError,
      'limitMs is -5',
    );
  });

  it('come after the entries: one that contradicts itself is named', () => {
    const client = new ToldClient('a');
    expect(() => checkLinearizable([client.put('1', 0, 1), client.put('1', 3, 2)])).to.throw(
      HistoryError,
      'entry 2: it ended at 2, before it was called at 3',
    );
  });
});
