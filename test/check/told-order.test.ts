import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { Budget } from '../../src/check/budget.js';
import { historyFrom } from '../../src/check/history-text.js';
import type { HistoryEntry } from '../../src/check/history.js';
import { checkLinearizable } from '../../src/check/linearizable.js';
import { allOrders, Search } from '../../src/check/search.js';
import { timedOperations } from '../../src/check/timed-operations.js';
import { fitsOrder, type RanAt } from '../../src/check/told-order.js';
import type { WriteOperation } from '../../src/kv/operation.js';
import { randomFor, seed } from '../scenarios/report.js';
import { shuffled } from '../scenarios/random-choices.js';
import { ToldClient } from '../support/history-entries.js';
import { mutated, randomLegalHistory } from '../support/history-random.js';
import { twinFindsOrder } from '../support/history-twin.js';

const client = new ToldClient('a');
const other = new ToldClient('b');

/** What a store says that ran these writes in this order. */
const inOrder =
  (writes: readonly HistoryEntry[]): RanAt =>
  (write: WriteOperation) => {
    const at = writes.findIndex(({ operation }) => operation === write);
    return at < 0 ? undefined : at;
  };
const fits = (history: readonly HistoryEntry[], writes: readonly HistoryEntry[]): boolean =>
  fitsOrder(timedOperations(history), inOrder(writes));

describe('the order that a store tells', () => {
  const [first, second] = [client.put('1', 0, 10), other.put('2', 0, 10)];

  it('fits where every Get can stand in it', () => {
    const history = [first, second, client.get('1', 2, 3), client.get('2', 4, 12)];
    expect(fits(history, [first, second])).to.equal(true);
    expect(fits(history, [second, first])).to.equal(false);
  });

  it('does not fit against the time of the calls', () => {
    const later = client.put('3', 20, 30);
    expect(fits([first, later, client.get('1', 40, 50)], [later, first])).to.equal(false);
    expect(fits([first, later, client.get('3', 40, 50)], [first, later])).to.equal(true);
  });

  it('does not fit without a write that was answered, but without one that nobody knows of', () => {
    expect(fits([first, second], [first])).to.equal(false);
    const unknown = client.put('4', 0);
    expect(fits([first, unknown], [first])).to.equal(true);
    expect(fits([first, unknown, client.get('4', 20, 21)], [first, unknown])).to.equal(true);
    expect(fits([first, unknown, client.get('4', 20, 21)], [first])).to.equal(false);
  });

  it('is not followed where it does not fit', () => {
    const history = [first, second, client.get('1', 2, 3), client.get('2', 4, 12)];
    const { kind } = checkLinearizable(history, {}, inOrder([second, first]));
    expect(kind).to.equal('linearizable');
    const wrong = [...history, client.get('1', 20, 21)];
    expect(checkLinearizable(wrong, {}, inOrder([first, second])).kind).to.equal('violated');
  });

  it(`makes no history legal, and is found to fit if it is an order (seed ${seed})`, () => {
    const random = randomFor('the order that a store tells');
    let fitting = 0;
    for (let number = 0; number < 4000; number += 1) {
      const legal = randomLegalHistory(random, {
        clients: 1 + random.below(4),
        operations: 3 + random.below(5),
        keys: 1,
        kinds: ['get', 'get', 'put', 'append', 'put-hash'],
        value: () => ['', 'a', 'b'][random.below(3)] ?? '',
        unknownPercent: 20,
        halfCallTime: 1 + random.below(6),
      });
      const history = number % 2 === 0 ? legal : mutated(random, legal);
      const writes = history.filter(({ operation }) => operation.kind !== 'get');
      if (fits(history, shuffled(writes, random))) {
        fitting += 1;
        expect(twinFindsOrder(history), JSON.stringify(history)).to.equal(true);
      }
      const found = new Search(timedOperations(history), new Budget({}), allOrders).run();
      if (found.kind !== 'order') continue;
      const told = found.order.filter(({ operation }) => operation.kind !== 'get');
      expect(fits(history, told), JSON.stringify(history)).to.equal(true);
    }
    expect(fitting).to.be.above(200);
  });

  // Of a simulated world: nine Appends that nobody saw, and a PutHash of unknown outcome that may have hashed any of them.
  it('judges what no search does', () => {
    const file = new URL('../../../test/check/untold-hash.jsonl', import.meta.url);
    const history = historyFrom(readFileSync(file, 'utf8'));
    expect(checkLinearizable(history, { stepLimit: 300_000 }).kind).to.equal('unknown');
    const order = readFileSync(new URL('../../../test/check/untold-hash.txt', import.meta.url), 'utf8').split(
      '\n',
    );
    const ranAt: RanAt = ({ value }) => {
      const at = order.indexOf(value);
      return at < 0 ? undefined : at;
    };
    expect(checkLinearizable(history, {}, ranAt)).to.include({ kind: 'linearizable', steps: 0 });
  });
});
