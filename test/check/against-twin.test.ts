import { expect } from 'chai';
import { Budget } from '../../src/check/budget.js';
import type { HistoryEntry } from '../../src/check/history.js';
import { checkLinearizable, type Violation } from '../../src/check/linearizable.js';
import { Search } from '../../src/check/search.js';
import { timedOperations } from '../../src/check/timed-operations.js';
import type { Random } from '../../src/runtime/random.js';
import { randomFor, seed } from '../scenarios/report.js';
import { nextLink } from '../support/fnv-twin.js';
import { ToldClient } from '../support/history-entries.js';
import { mutated, pick, randomLegalHistory } from '../support/history-random.js';
import { heldAfter, twinFindsOrder } from '../support/history-twin.js';

const histories = 24_000;
const kinds = ['get', 'get', 'get', 'put', 'append', 'put-hash'] as const;

function smallHistory(random: Random): HistoryEntry[] {
  return randomLegalHistory(random, {
    clients: 1 + random.below(4),
    operations: 3 + random.below(5),
    keys: 1 + random.below(2),
    kinds: pick(random, [
      kinds,
      ['get', 'get', 'append'],
      ['get', 'put'],
      ['put-hash', 'put-hash', 'get'],
      // Most of what is written nobody sees.
      ['get', 'put', 'append', 'append'],
    ]),
    // Few values, so that what is seen may come from several writes; one of them is the empty text.
    value: () => pick(random, ['', 'a', 'b', 'ab']),
    unknownPercent: pick(random, [0, 0, 30, 60]),
    halfCallTime: 1 + random.below(6),
  });
}

/** What was known when the time of an answer had passed. Answers at one instant have no order. */
const knownAfter = (history: readonly HistoryEntry[], at: number, alsoAt: boolean): HistoryEntry[] =>
  history
    .filter(({ calledAt }) => calledAt <= at)
    .map((entry) =>
      entry.end.kind === 'answered' && (entry.end.at < at || (alsoAt && entry.end.at === at))
        ? entry
        : { ...entry, end: { kind: 'unknown' } },
    );

/** Holds an explanation against the twin. */
function expectExplained(history: readonly HistoryEntry[], violation: Violation): void {
  const { key, culprit, prefix, held, narrowed } = violation;
  const onKey = history.filter(({ operation }) => operation.key === key);
  if (culprit.end.kind !== 'answered') throw new Error('the culprit has no answer');
  const { at } = culprit.end;
  expect(narrowed).to.equal(true);
  expect(onKey).to.include(culprit);
  expect(twinFindsOrder(knownAfter(onKey, at, true)), 'with the culprit').to.equal(false);
  expect(twinFindsOrder(knownAfter(onKey, at, false)), 'without the culprit').to.equal(true);
  expect(new Set(prefix).size).to.equal(prefix.length);
  const before = onKey.filter(({ operation, end }) => operation.kind !== 'get' || end.kind === 'answered');
  for (const entry of before) {
    if (entry.end.kind === 'answered' && entry.end.at < at) expect(prefix).to.include(entry);
  }
  // What had no answer yet may have run, with any answer.
  const known = prefix.map((entry): HistoryEntry =>
    entry.end.kind === 'answered' && entry.end.at < at ? entry : { ...entry, end: { kind: 'unknown' } },
  );
  heldAfter(known);
  const place = prefix.indexOf(culprit);
  expect(heldAfter(known.slice(0, place < 0 ? undefined : place))).to.equal(held);
}

/** What a search finds that leaves out what needs two hashes to be the same by accident. */
const quickFindsOrder = (history: readonly HistoryEntry[]): boolean =>
  [...new Set(history.map(({ operation }) => operation.key))].every((key) => {
    const operations = timedOperations(history.filter(({ operation }) => operation.key === key));
    const rules = { hashesCollide: false, hashesInARow: Infinity, unseenTogether: false };
    return new Search(operations, new Budget({}), rules).run().kind === 'order';
  });

describe('the checker against its naive twin', function () {
  this.timeout(120_000);

  it(`finds an order where the twin finds one, and explains where there is none (seed ${seed})`, () => {
    const random = randomFor('the checker against its naive twin');
    const found = { linearizable: 0, violated: 0 };
    for (let number = 0; number < histories; number += 1) {
      const legal = smallHistory(random);
      const history = number % 2 === 0 ? legal : mutated(random, legal);
      if (history.length === 0) continue;
      const verdict = checkLinearizable(history);
      const told = `history ${number} of seed ${seed}: ${JSON.stringify(history)}`;
      const expected = twinFindsOrder(history) ? 'linearizable' : 'violated';
      expect(verdict.kind, told).to.equal(expected);
      expect(quickFindsOrder(history), `quickly, ${told}`).to.equal(expected === 'linearizable');
      found[expected] += 1;
      if (number % 2 === 0) expect(verdict.kind, told).to.equal('linearizable');
      if (verdict.kind !== 'violated') continue;
      try {
        expectExplained(history, verdict.violation);
      } catch (error) {
        throw new Error(told, { cause: error });
      }
    }
    console.log(`      ${found.linearizable} linearizable, ${found.violated} violated`);
    expect(found.violated).to.be.at.least(histories / 5);
    expect(found.linearizable).to.be.at.least(histories / 5);
  });

  it('does not take for an accident that two PutHashes hash the same text', () => {
    const client = new ToldClient('a');
    const [hash, whole] = [nextLink('', 'a'), nextLink('x', 'yz')];
    for (const history of [
      [
        client.putHash('a', '', 0, 1),
        client.put('', 2, 3),
        client.putHash('a', '', 4),
        client.get(hash, 6, 7),
      ],
      [
        client.put('x', 0, 1),
        client.putHash('yz', 'x', 2, 3),
        client.put('xy', 4, 5),
        client.putHash('z', '', 6),
        client.get(whole, 8, 9),
      ],
    ]) {
      expect(quickFindsOrder(history)).to.equal(true);
      expect(twinFindsOrder(history)).to.equal(true);
    }
  });
});
