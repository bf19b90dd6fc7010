import { expect } from 'chai';
import { keyLimitBytes, valueLimitBytes } from '../../src/kv/limits.js';
import type { Operation } from '../../src/kv/operation.js';
import { operationProblem, sessionProblem } from '../../src/kv/validate.js';

const put = (key: string, value: string): Operation => ({ kind: 'put', key, value });
const get = (key: string): Operation => ({ kind: 'get', key });
/** Two bytes in UTF-8, one unit in memory. */
const twoBytes = 'é';
const loneSurrogate = 'a\ud800b';

describe('the limits of keys and values', () => {
  it('are 4 KiB and 1 MiB', () => {
    expect([keyLimitBytes, valueLimitBytes]).to.deep.equal([4096, 1_048_576]);
  });

  it('let through what just fits, counted in bytes', () => {
    expect(operationProblem(get('k'.repeat(4096)))).to.equal(undefined);
    expect(operationProblem(get(twoBytes.repeat(2048)))).to.equal(undefined);
    for (const kind of ['put', 'append', 'put-hash'] as const) {
      expect(operationProblem({ kind, key: 'k', value: 'v'.repeat(1_048_576) })).to.equal(undefined);
      expect(operationProblem({ kind, key: 'k', value: twoBytes.repeat(524_288) })).to.equal(undefined);
    }
    expect(operationProblem(put('k', ''))).to.equal(undefined);
  });

  it('refuse what does not, naming limit and size', () => {
    expect(operationProblem(get('k'.repeat(4097)))).to.match(/key has 4097 bytes.*4096/);
    expect(operationProblem(put('k'.repeat(4097), 'v'))).to.match(/key has 4097 bytes.*4096/);
    expect(operationProblem(get(twoBytes.repeat(2049)))).to.match(/key has 4098 bytes.*4096/);
    for (const kind of ['put', 'append', 'put-hash'] as const) {
      const problem = operationProblem({ kind, key: 'k', value: 'v'.repeat(1_048_577) });
      expect(problem).to.match(/value has 1048577 bytes.*1048576/);
    }
    expect(operationProblem(put('k', twoBytes.repeat(524_289)))).to.match(/value has 1048578 bytes/);
  });

  it('refuse the empty key, and text that has no UTF-8', () => {
    expect(operationProblem(get(''))).to.match(/key is empty/);
    expect(operationProblem(put('', 'v'))).to.match(/key is empty/);
    expect(operationProblem(get(loneSurrogate))).to.match(/key is not valid UTF-8/);
    expect(operationProblem(put('k', loneSurrogate))).to.match(/value is not valid UTF-8/);
  });
});

describe('the session of a request, by itself', () => {
  const problem = (sequence: number, acknowledgedThrough: number) =>
    sessionProblem({ sequence, acknowledgedThrough }, 1024);

  it('has its sequence within the window above what is acknowledged', () => {
    for (const [sequence, through] of [
      [1, 0],
      [1024, 0],
      [8, 7],
      [1031, 7],
    ] as const) {
      expect(problem(sequence, through), `${sequence} above ${through}`).to.equal(undefined);
    }
  });

  it('is refused outside of it, naming both bounds', () => {
    expect(problem(0, 0)).to.match(/sequence 0 is outside 1 to 1024/);
    expect(problem(1025, 0)).to.match(/sequence 1025 is outside 1 to 1024/);
    expect(problem(7, 7)).to.match(/sequence 7 is outside 8 to 1031/);
    expect(problem(1032, 7)).to.match(/sequence 1032 is outside 8 to 1031/);
  });
});
