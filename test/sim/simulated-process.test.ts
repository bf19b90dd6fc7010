import { expect } from 'chai';
import { BareWorld } from './world-fixture.js';

describe('a simulated process', () => {
  let world: BareWorld;
  let told: string[];
  beforeEach(() => {
    world = new BareWorld();
    told = [];
  });
  const tell = (text: string) => () => void told.push(`${world.time.nowMs} ${text}`);

  it('lets what is due happen at its time, and says that it ran', async () => {
    const process = world.process();
    process.after(20, tell('b'));
    process.after(10, tell('a'));
    await world.settle();
    expect(told).to.deep.equal(['10 a', '20 b']);
    expect(world.ran).to.deep.equal(['one', 'one']);
  });

  it('holds everything while it is halted, and lets it happen in its order once it is resumed', async () => {
    const process = world.process();
    for (const [index, ms] of [10, 30, 20, 20].entries()) process.after(ms, tell(`${index}`));
    process.after(200, tell('later'));
    process.pause();
    expect(process.state).to.equal('paused');
    await world.pass(100);
    expect([told, world.ran]).to.deep.equal([[], []]);
    process.resume();
    await world.settle();
    expect(told).to.deep.equal(['100 0', '100 2', '100 3', '100 1', '200 later']);
  });

  it('does not fire a timer that is cancelled while it waits for the process to be resumed', async () => {
    const process = world.process();
    const timer = process.clock.timer(10, tell('cancelled'));
    process.clock.timer(10, tell('kept'));
    process.pause();
    await world.pass(50);
    timer.cancel();
    process.resume();
    await world.settle();
    expect(told).to.deep.equal(['50 kept']);
  });

  it('does not fire a timer that another one cancels that has waited with it', async () => {
    const process = world.process();
    process.clock.timer(10, () => second.cancel());
    const second = process.clock.timer(20, tell('cancelled'));
    process.pause();
    await world.pass(50);
    process.resume();
    await world.settle();
    expect(told).to.deep.equal([]);
  });

  it('fires timers earlier by as much as its clock jumps, each once', async () => {
    const process = world.process();
    process.clock.timer(10, tell('due by then'));
    process.clock.timer(50, tell('due soon'));
    await world.pass(5);
    process.jump(30);
    expect(process.clock.now()).to.equal(35);
    await world.settle();
    expect(told).to.deep.equal(['5 due by then', '20 due soon']);
    expect(world.ran).to.have.length(2);
  });

  it('fires a timer once that has waited when the clock jumps', async () => {
    const process = world.process();
    process.clock.timer(10, tell('fired'));
    process.pause();
    await world.pass(20);
    process.jump(1000);
    process.resume();
    await world.settle();
    expect(told).to.deep.equal(['20 fired']);
  });

  it('does not move what comes from outside when its clock jumps', async () => {
    const process = world.process();
    process.after(40, tell('message'));
    process.jump(1000);
    await world.settle();
    expect(told).to.deep.equal(['40 message']);
  });

  it('has a clock of its own rate', async () => {
    const process = world.process('fast', 1.25);
    process.clock.timer(100, tell('fired'));
    await world.settle();
    expect(told).to.deep.equal(['80 fired']);
    expect(process.clock.now()).to.equal(100);
  });

  it('lets nothing happen any more once it has ended, and tells that once', async () => {
    const process = world.process();
    let isForgotten = true;
    process.onEnd(tell('ended'));
    process.onEnd(() => (isForgotten = false))();
    process.after(10, tell('after'));
    process.clock.timer(10, tell('timer'));
    let hasWoken = false;
    void process.clock.sleep(10).then(() => (hasWoken = true));
    process.pause();
    await world.pass(20);
    process.end();
    process.end();
    process.resume();
    process.after(1, tell('too late'));
    await world.settle();
    expect(process.state).to.equal('ended');
    expect(told).to.deep.equal(['20 ended']);
    expect([hasWoken, isForgotten]).to.deep.equal([false, true]);
  });

  it('wakes from its sleep when time or signal say so', async () => {
    const process = world.process();
    const abort = new AbortController();
    void process.clock.sleep(1000, abort.signal).then(tell('aborted'));
    void process.clock.sleep(30).then(tell('slept'));
    void process.clock.sleep(30, AbortSignal.abort()).then(tell('not at all'));
    await world.pass(10);
    abort.abort();
    await world.settle();
    expect(told).to.deep.equal(['0 not at all', '10 aborted', '30 slept']);
  });
});
