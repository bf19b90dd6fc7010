import { expect } from 'chai';
import { CallTally } from '../../src/check/call-tally.js';
import { FakeClock } from '../support/fake-clock.js';

describe('the tally of calls', () => {
  it('tells half, almost all and the slowest of the latencies', () => {
    const tally = new CallTally(new FakeClock());
    expect(tally.latenciesMs).to.equal(undefined);
    for (let latency = 200; latency >= 1; latency -= 1) tally.answer(latency);
    expect(tally.latenciesMs).to.deep.equal({ p50: 100, p99: 198, max: 200 });
    expect(tally.answered).to.equal(200);
  });

  it('tells the longest time without an answer, from the start, and up to now until the end', () => {
    const clock = new FakeClock();
    const tally = new CallTally(clock);
    clock.advance(100);
    tally.start();
    clock.advance(30);
    expect([tally.longestPauseMs, tally.durationMs]).to.deep.equal([30, 30]);
    tally.answer(1);
    clock.advance(20);
    expect(tally.longestPauseMs).to.equal(30);
    tally.answer(1);
    clock.advance(40);
    expect(tally.longestPauseMs).to.equal(40);
    tally.end();
    clock.advance(100);
    tally.answer(1);
    expect([tally.longestPauseMs, tally.durationMs]).to.deep.equal([40, 90]);
  });
});
