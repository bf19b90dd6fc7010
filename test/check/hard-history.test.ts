import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { historyFrom } from '../../src/check/history-text.js';
import { checkLinearizable } from '../../src/check/linearizable.js';

const file = new URL('../../../test/check/hard-history.jsonl', import.meta.url);

describe('a history that was hard to judge', () => {
  // Of a simulated world: 136 calls on one key, five of them of unknown outcome, one of these a PutHash that never ran. To
  // leave it in at every place took 20 million steps and all memory.
  it('has an order that is found by leaving out what nobody saw', () => {
    const history = historyFrom(readFileSync(file, 'utf8'));
    const verdict = checkLinearizable(history);
    expect(verdict.kind).to.equal('linearizable');
    expect(verdict.steps).to.be.below(200_000);
  });
});
