import { expect } from 'chai';
import { judgeDeath, noDeaths } from '../../src/cli/restart-policy.js';

/** The waits after runs of so many milliseconds, one after the other; undefined where it is given up. */
function waitsAfter(runs: readonly number[]): (number | undefined)[] {
  let record = noDeaths;
  return runs.map((ranMs) => {
    const verdict = judgeDeath(record, ranMs);
    if (verdict.kind === 'give-up') return undefined;
    record = verdict.record;
    return verdict.afterMs;
  });
}

describe('The restart policy', () => {
  it('waits 500 ms, then twice as long each time, up to 10 s', () => {
    expect(waitsAfter(Array<number>(7).fill(10_000))).to.deep.equal([
      500, 1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
  });

  it('gives up at the fifth death within 10 s of a start', () => {
    expect(waitsAfter([0, 9999, 0, 0, 9999])).to.deep.equal([500, 1000, 2000, 4000, undefined]);
  });

  it('counts no death that is not quick, and keeps count across it', () => {
    expect(waitsAfter([0, 0, 10_000, 29_999, 0, 0, 0])).to.deep.equal([
      500,
      1000,
      2000,
      4000,
      8000,
      10_000,
      undefined,
    ]);
  });

  it('begins anew after a run of 30 s', () => {
    expect(waitsAfter([0, 0, 0, 0, 30_000, 0, 0, 0, 0, 0])).to.deep.equal([
      500,
      1000,
      2000,
      4000,
      500,
      1000,
      2000,
      4000,
      8000,
      undefined,
    ]);
  });
});
