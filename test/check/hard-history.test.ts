import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import type { HistoryEntry } from '../../src/check/history.js';
import { historyFrom } from '../../src/check/history-text.js';
import { checkLinearizable } from '../../src/check/linearizable.js';
import { seededRandom } from '../../src/runtime/random.js';
import { randomLegalHistory } from '../support/history-random.js';

const historyOf = (name: string): HistoryEntry[] =>
  historyFrom(readFileSync(new URL(`../../../test/check/${name}.jsonl`, import.meta.url), 'utf8'));

describe('a history that was hard to judge', () => {
  // Of a simulated world: 136 calls on one key, five of them of unknown outcome, one of these a PutHash that never ran. To
  // leave it in at every place took 20 million steps and all memory.
  it('has an order that is found by leaving out what nobody saw', () => {
    const verdict = checkLinearizable(historyOf('hard-history'));
    expect(verdict.kind).to.equal('linearizable');
    expect(verdict.steps).to.be.below(200_000);
  });

  // Of a simulated world too: 129 answered calls on one key, 25 writes at once when a partition ended, of most of which no
  // answer shows anything. To try these in every order took more than 50 million steps.
  it('has an order that is found by letting what nobody saw run together', () => {
    const verdict = checkLinearizable(historyOf('buried-writes'));
    expect(verdict.kind).to.equal('linearizable');
    expect(verdict.steps).to.be.below(1000);
  });
});

describe('histories in which nobody sees most of what is written', () => {
  it('take little more than a step an operation and place', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      let written = 0;
      const history = randomLegalHistory(seededRandom(seed), {
        clients: 16,
        operations: 150,
        keys: 1,
        kinds: ['get', 'put', 'put', ...Array<'append'>(7).fill('append')],
        value: () => `(${(written += 1)})`,
        unknownPercent: 5,
        halfCallTime: 20,
      });
      const verdict = checkLinearizable(history);
      expect(verdict.kind, `seed ${seed}`).to.equal('linearizable');
      expect(verdict.steps, `seed ${seed}`).to.be.below(1000);
    }
  });
});
