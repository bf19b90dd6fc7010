import { expect } from 'chai';
import { longDuration, seedsLine } from '../../src/cli/sim-progress.js';

const done = {
  engine: 'paxos',
  done: 250,
  total: 1000,
  failed: 2,
  simulatedMs: 9_000_000,
  elapsedMs: 50_000,
};

describe('how far synod sim has come', () => {
  it('is a bar and figures at a terminal, else the figures', () => {
    const figures = '250 of 1000 seeds, 2 failed, 5.0 a second, 2.5h simulated, 2m30s left';
    expect(seedsLine(done, true)).to.equal(`paxos [######------------------] ${figures}`);
    expect(seedsLine(done, false)).to.equal(`paxos ${figures}`);
  });

  it('has no time left before the first seed, and a whole bar after the last', () => {
    expect(seedsLine({ ...done, done: 0 }, false)).to.equal(
      'paxos 0 of 1000 seeds, 2 failed, 0.0 a second, 2.5h simulated',
    );
    expect(seedsLine({ ...done, done: 1000 }, true)).to.contain(`[${'#'.repeat(24)}] 1000 of 1000`);
  });

  it('says long times in minutes and hours', () => {
    const texts = [400, 59_900, 61_000, 3_599_000, 3_600_000].map(longDuration);
    expect(texts).to.deep.equal(['400ms', '59.9s', '1m01s', '59m59s', '1.0h']);
  });
});
