import { expect } from 'chai';
import { TickTimer } from '../../src/omnipaxos/tick-timer.js';
import type { Clock } from '../../src/runtime/clock.js';
import { FakeClock } from '../support/fake-clock.js';

const intervalMs = 100;

describe('the ticks of a replica of OmniPaxos', () => {
  let clock: FakeClock;
  let ticks: number[];
  /** How much later it is than timers say, because the process was kept from running. */
  let lagMs: number;

  beforeEach(() => {
    clock = new FakeClock();
    ticks = [];
    lagMs = 0;
  });

  /** Time goes on while the process does not run, and timers that come due meanwhile fire after that. */
  const real: Clock = {
    now: () => clock.now() + lagMs,
    timer: (ms, callback) => clock.timer(ms, callback),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
  const stalled = (ms: number) => (lagMs += ms);

  const timerFrom = (share: number): TickTimer =>
    new TickTimer({
      clock: real,
      random: { below: () => 0, between: (low, high) => low + share * (high - low), hex: () => '' },
      intervalMs,
      tick: () => ticks.push(real.now()),
    });
  const passed = (ms: number) => {
    for (let step = 0; step < ms; step += 1) clock.advance(1);
  };

  it('begin at a random moment of the first interval, and go on at that interval', () => {
    for (const [share, first] of [
      [0, 0],
      [0.3, 30],
      [0.99, 99],
    ] as const) {
      clock = new FakeClock();
      ticks = [];
      const timer = timerFrom(share);
      timer.start();
      passed(350);
      expect(ticks.slice(0, 3)).to.deep.equal([first, first + 100, first + 200]);
      timer.close();
    }
  });

  it('come at once when they are a little late, and the next in time', () => {
    const timer = timerFrom(0);
    timer.start();
    passed(50);
    stalled(40);
    passed(250);
    expect(ticks).to.deep.equal([0, 140, 200, 300]);
    expect(timer.longestStallMs).to.equal(40);
    timer.close();
  });

  it('are left out when they are too late, so that what came meanwhile is heard, but not for ever', () => {
    const timer = timerFrom(0);
    timer.start();
    for (const stallMs of [60, 70, 80]) {
      passed(50);
      stalled(stallMs);
      passed(50);
    }
    expect(ticks.length, 'the third is not').to.equal(2);
    expect(ticks[1]).to.equal(clock.now() + lagMs);
    expect(timer.longestStallMs).to.equal(80);
    passed(100);
    expect(ticks).to.have.length.above(2);
    timer.close();
  });

  it('come after what had arrived while the process was busy', () => {
    const order: string[] = [];
    const timer = new TickTimer({
      clock: real,
      random: { below: () => 0, between: () => 1, hex: () => '' },
      intervalMs,
      tick: () => order.push('a tick'),
    });
    timer.start();
    clock.timer(100, () => order.push('a message'));
    clock.advance(100);
    expect(order).to.deep.equal(['a message', 'a tick']);
    timer.close();
  });

  it('come no more, and leave no timer, once it is closed', () => {
    const timer = timerFrom(0.5);
    timer.start();
    timer.close();
    passed(300);
    expect(ticks).to.deep.equal([]);
    expect(clock.waiting).to.equal(0);
    const busy = timerFrom(0);
    busy.start();
    passed(1);
    busy.close();
    passed(300);
    expect([ticks, clock.waiting]).to.deep.equal([[300], 0]);
  });
});
