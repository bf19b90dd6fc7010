import { expect } from 'chai';
import { realClock } from '../../src/runtime/real-clock.js';

/** Node may fire a timer up to a millisecond early by the finer clock. */
const earlyMs = 1;

describe('the real clock', () => {
  it('never goes back', () => {
    let last = realClock.now();
    for (let count = 0; count < 10_000; count += 1) {
      const now = realClock.now();
      expect(now).to.be.at.least(last);
      last = now;
    }
  });

  it('counts milliseconds', async () => {
    const [clockBefore, wallBefore] = [realClock.now(), Date.now()];
    await realClock.sleep(200);
    const difference = realClock.now() - clockBefore - (Date.now() - wallBefore);
    expect(Math.abs(difference)).to.be.below(150);
  });

  it('sleeps for as long as it is told', async () => {
    const before = realClock.now();
    await realClock.sleep(30);
    expect(realClock.now() - before).to.be.at.least(30 - earlyMs);
  });

  it('wakes as soon as its signal aborts, without an error', async () => {
    const abort = new AbortController();
    const before = realClock.now();
    const slept = realClock.sleep(60_000, abort.signal);
    abort.abort();
    await slept;
    expect(realClock.now() - before).to.be.below(5000);
  });

  it('does not sleep at all on a signal that has aborted', async () => {
    const before = realClock.now();
    await realClock.sleep(60_000, AbortSignal.abort());
    expect(realClock.now() - before).to.be.below(5000);
  });

  it('leaves no listener on the signal of a sleep that is over', async () => {
    let listeners = 0;
    const { signal } = new AbortController();
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...parameters: Parameters<typeof add>) => {
      listeners += 1;
      add(...parameters);
    };
    signal.removeEventListener = (...parameters: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...parameters);
    };
    await realClock.sleep(1, signal);
    expect(listeners).to.equal(0);
  });

  it('fires a timer once', async () => {
    let fired = 0;
    realClock.timer(1, () => (fired += 1));
    await realClock.sleep(30);
    expect(fired).to.equal(1);
  });

  it('never fires a timer that was cancelled, and takes a second cancelling', async () => {
    let fired = 0;
    const timer = realClock.timer(1, () => (fired += 1));
    timer.cancel();
    timer.cancel();
    await realClock.sleep(30);
    expect(fired).to.equal(0);
  });
});
