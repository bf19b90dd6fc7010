import { expect } from 'chai';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import { attemptTimeoutMs, Watched } from '../support/clerk-world.js';
import { callError, type Answer, type FakeEndpoint } from '../support/fake-store.js';
import { rejection } from '../support/rejection.js';
import { viewOf, viewWorld, type ViewWorld } from '../support/view-world.js';

const notPrimary = callError({ reason: 'NOT_PROPOSED', message: 'not the primary' });
const away = callError({ message: 'connection refused' });

/** The most that a clerk may ask the view service within any 100 ms: twice the rate of the servers' pings. */
const asksPerWindow = 2;
const windowMs = 100;

const mostInOneWindow = (timesMs: readonly number[]): number =>
  Math.max(...timesMs.map((from) => timesMs.filter((ms) => ms >= from && ms < from + windowMs).length));

/** Makes a server answer the next operation so, and the later ones as it did before. */
const once = (server: FakeEndpoint, answer: Answer): void => {
  const before = server.answer;
  server.answer = () => {
    server.answer = before;
    return answer;
  };
};

describe('a clerk with a view service', () => {
  let world: ViewWorld;

  beforeEach(() => {
    world = viewWorld();
  });

  it('asks it once, and goes to the primary with every call', async () => {
    const { clerk, view, a, b } = world;
    await Promise.all([clerk.get('k'), clerk.put('k', 'v'), clerk.append('k', 'v')]);
    for (let call = 0; call < 100; call += 1) await clerk.put('k', `${call}`);
    expect(view.askedAtMs).to.deep.equal([0]);
    expect([a.count('operation'), b.count('operation')]).to.deep.equal([103, 0]);
  });

  it('sends a request that failed to the primary of the next view, at once and as it was', async () => {
    const hinted = callError({ reason: 'NOT_PROPOSED', leader: 'elsewhere' });
    for (const failure of [away, notPrimary, hinted, callError({ code: 'DEADLINE_EXCEEDED' })]) {
      world = viewWorld();
      const { clerk, clock, view, a, b, finish, pass } = world;
      await clerk.append('k', 'v');
      await pass(1000);
      a.answer = () => failure;
      view.answer = viewOf(2, 'b');
      await finish(clerk.append('k', 'w'));
      expect(clock.now(), 'at once').to.be.at.most(1005);
      expect(view.askedAtMs).to.deep.equal([0, 1000]);
      expect(b.requests).to.deep.equal([a.requests.at(-1)]);
    }
  });

  it('stays with the new primary without asking again', async () => {
    const { clerk, view, a, b, finish } = world;
    await clerk.put('k', 'v');
    a.answer = () => away;
    view.answer = viewOf(2, 'b');
    await finish(clerk.put('k', 'v'));
    for (let call = 0; call < 100; call += 1) await clerk.put('k', 'v');
    expect(view.askedAtMs).to.have.length(2);
    expect([a.count('operation'), b.count('operation')]).to.deep.equal([2, 101]);
  });

  it('tries the same primary at once in another view, for what it waited for may be over', async () => {
    const { clerk, view, a, pass } = world;
    await clerk.put('k', 'v');
    await pass(1000);
    once(a, callError({ reason: 'OUTCOME_UNKNOWN', message: 'the backup does not answer' }));
    view.answer = viewOf(2, 'a');
    const call = new Watched(clerk.put('k', 'v'));
    await pass(5);
    expect(call.outcome).to.equal('resolved');
    expect(a.count('operation')).to.equal(3);
    await pass(1000);
    expect(view.askedAtMs).to.have.length(2);
  });

  it('does not ask for a call that failed where another one has been replaced already', async () => {
    const { clerk, view, a, b, pass } = world;
    await clerk.get('k');
    a.answer = () => 'silence';
    view.answer = viewOf(2, 'b');
    const early = new Watched(clerk.get('k'));
    await pass(300);
    const late = new Watched(clerk.get('k'));
    await pass(attemptTimeoutMs - 295);
    expect([early.outcome, late.outcome]).to.deep.equal(['resolved', 'pending']);
    await pass(300);
    expect(late.outcome).to.equal('resolved');
    expect(view.askedAtMs).to.have.length(2);
    expect(b.count('operation')).to.equal(2);
  });

  it('waits longer each time while the view stays the same, and never above half a second', async () => {
    const { clerk, clock, view, a, pass } = world;
    await clerk.get('k');
    await pass(1000);
    const atMs: number[] = [];
    a.answer = () => {
      atMs.push(clock.now());
      return notPrimary;
    };
    const call = new Watched(clerk.get('k', { timeoutMs: 6000 }));
    await pass(6000);
    expect(call.outcome).to.equal('rejected');
    const gapsMs = atMs.slice(1).map((ms, index) => ms - atMs[index]!);
    expect(gapsMs[0]).to.be.within(10, 25);
    expect(gapsMs[3]).to.be.within(80, 165);
    for (const gapMs of gapsMs.slice(6, -1)) expect(gapMs).to.be.within(250, 505);
    expect(view.askedAtMs.length).to.be.within(atMs.length - 1, atMs.length + 1);
  });

  it('stays at a primary that is full, and does not ask', async () => {
    const { clerk, view, a, pass } = world;
    once(a, callError({ code: 'RESOURCE_EXHAUSTED', reason: 'QUEUE_FULL', retryAfterMs: 200 }));
    const call = new Watched(clerk.get('k'));
    await pass(195);
    expect(call.outcome).to.equal('pending');
    await pass(110);
    expect(call.outcome).to.equal('resolved');
    expect(view.askedAtMs).to.deep.equal([0]);
  });

  it('asks at most twice the rate of pings, however many calls fail at once', async () => {
    const { clerk, view, a, pass } = world;
    await clerk.put('k', 'v');
    a.answer = () => notPrimary;
    const calls: Watched<unknown>[] = [];
    for (let call = 0; call < 300; call += 1) {
      calls.push(new Watched(clerk.append('k', 'v')), new Watched(clerk.get('k')));
      await pass(5);
    }
    expect(mostInOneWindow(view.askedAtMs)).to.equal(asksPerWindow);
    expect(view.askedAtMs.length, 'asked all the time').to.be.within(25, 32);
    a.answer = () => away;
    view.answer = viewOf(2, 'b');
    await pass(600);
    expect(new Set(calls.map(({ outcome }) => outcome))).to.deep.equal(new Set(['resolved']));
    expect(mostInOneWindow(view.askedAtMs)).to.equal(asksPerWindow);
  });

  it('shares one request among all calls that wait for its answer', async () => {
    const { clerk, view, pass } = world;
    view.answer = 'silence';
    const calls = Array.from({ length: 50 }, () => new Watched(clerk.get('k')));
    await pass(attemptTimeoutMs - 5);
    expect(view.askedAtMs).to.deep.equal([0]);
    view.answer = viewOf(1, 'a');
    await pass(60);
    expect(view.askedAtMs).to.have.length(2);
    expect(new Set(calls.map(({ outcome }) => outcome))).to.deep.equal(new Set(['resolved']));
  });

  it('goes on with the primary it knows while the view service does not answer', async () => {
    const { clerk, view, a, b, finish } = world;
    await clerk.put('k', 'v');
    for (const answer of [away, 'silence'] as const) {
      view.answer = answer;
      once(a, callError({ code: 'INTERNAL', message: 'reset' }));
      await finish(clerk.put('k', 'v'));
    }
    expect(a.count('operation')).to.equal(5);
    expect(view.askedAtMs).to.have.length(3);
    view.answer = viewOf(2, 'b');
    once(a, notPrimary);
    await finish(clerk.put('k', 'v'));
    expect(b.count('operation')).to.equal(1);
  });

  it('goes on with the primary it knows when a view names one that is no address', async () => {
    const { clerk, view, a, pass } = world;
    await clerk.put('k', 'v');
    view.answer = viewOf(2, 'nowhere');
    a.answer = () => notPrimary;
    const call = clerk.put('k', 'v', { timeoutMs: 200 });
    call.catch(() => undefined);
    await pass(200);
    const { failures } = await rejection(call, ClerkError);
    expect(failures.map(({ endpoint }) => endpoint)).to.have.members(['view', 'a']);
    expect(failures.find(({ endpoint }) => endpoint === 'view')!.problem).to.include('"nowhere"');
  });

  it('asks also after a call that its own limits ended, so that the next one finds the new primary', async () => {
    for (const limit of ['deadline', 'signal']) {
      world = viewWorld();
      const { clerk, view, a, b, pass } = world;
      await clerk.get('k');
      a.answer = () => 'silence';
      view.answer = viewOf(2, 'b');
      const abort = new AbortController();
      const call = new Watched(clerk.get('k', limit === 'signal' ? abort : { timeoutMs: 300 }));
      await pass(300);
      abort.abort();
      await pass(60);
      expect(call.outcome, limit).to.equal('rejected');
      const next = new Watched(clerk.get('k'));
      await pass(0);
      expect(next.outcome, limit).to.equal('resolved');
      expect(b.count('operation'), limit).to.equal(1);
    }
  });
});

describe('the error of a call that a view service could not help', () => {
  let world: ViewWorld;

  beforeEach(() => {
    world = viewWorld();
  });

  const gaveUp = async (timeoutMs: number): Promise<ClerkError> => {
    const call = world.clerk.get('k', { timeoutMs });
    const watched = new Watched(call);
    await world.pass(timeoutMs - 5);
    expect(watched.outcome, 'until its deadline').to.equal('pending');
    await world.pass(10);
    expect(watched.outcome, 'at its deadline').to.equal('rejected');
    const error = await rejection(call, ClerkError);
    expect(error.kind).to.equal('timed-out');
    return error;
  };

  it('says that there is no view, and that nothing was executed', async () => {
    world.view.answer = viewOf(0, undefined);
    const error = await gaveUp(300);
    expect(error).to.have.property('outcome', 'not-executed');
    expect(error.message).to.equal('the call timed out (view: there is no view yet)');
    expect(error.failures).to.deep.equal([{ endpoint: 'view', problem: 'there is no view yet' }]);
    expect(world.view.askedAtMs.length).to.be.within(3, 6);
  });

  it('says what keeps the views from going on, beside what the primary said', async () => {
    const trouble = 'view 3 waits for its primary a to acknowledge it';
    world.view.answer = viewOf(3, 'a', trouble);
    world.a.answer = () => notPrimary;
    const error = await gaveUp(300);
    expect(error.message).to.equal(`the call timed out (view: ${trouble}; a: not the primary)`);
    expect(error.failures).to.deep.equal([
      { endpoint: 'view', problem: trouble },
      { endpoint: 'a', problem: 'not the primary' },
    ]);
  });

  it('says nothing of the view service any more once that says that all is well', async () => {
    world.view.answer = viewOf(3, 'a', 'some trouble');
    world.a.answer = () => notPrimary;
    await gaveUp(300);
    world.view.answer = viewOf(3, 'a');
    expect((await gaveUp(300)).failures).to.deep.equal([{ endpoint: 'a', problem: 'not the primary' }]);
  });

  it('says that the view service cannot be reached', async () => {
    world.view.answer = away;
    expect((await gaveUp(300)).failures).to.deep.equal([{ endpoint: 'view', problem: 'connection refused' }]);
  });

  it('says that the view service is silent, with nothing sent', async () => {
    world.view.answer = 'silence';
    const error = await gaveUp(300);
    expect(error).to.have.property('outcome', 'not-executed');
    expect(error.message).to.equal('the call timed out (view: no answer yet)');
    expect(world.a.requests).to.deep.equal([]);
  });

  it('does not repeat what was wrong before a call that was answered', async () => {
    const { clerk, view, a, b, finish } = world;
    view.answer = viewOf(1, 'a', 'some trouble');
    await clerk.put('k', 'v');
    once(a, away);
    view.answer = viewOf(2, 'b', 'other trouble');
    await finish(clerk.put('k', 'v'));
    b.answer = () => 'silence';
    const error = await gaveUp(300);
    expect(error.failures.map(({ endpoint }) => endpoint)).to.deep.equal(['b']);
  });

  it('ends a call whose signal aborts, and one whose clerk is closed, while nobody answers', async () => {
    const { clerk, view, a, pass } = world;
    view.answer = 'silence';
    const abort = new AbortController();
    const [aborted, closed] = [clerk.get('k', abort), clerk.get('k')];
    const both = [aborted, closed].map((call) => new Watched(call));
    await pass(50);
    abort.abort();
    await pass(0);
    expect(both.map(({ outcome }) => outcome)).to.deep.equal(['rejected', 'pending']);
    await clerk.close();
    await pass(0);
    for (const call of [aborted, closed]) {
      expect(await rejection(call, ClerkError)).to.include({ kind: 'aborted', outcome: 'not-executed' });
    }
    expect([view.isClosed, a.requests.length, world.clock.waiting]).to.deep.equal([true, 0, 0]);
  });
});

describe('the links of a clerk with a view service', () => {
  let world: ViewWorld;

  beforeEach(async () => {
    world = viewWorld();
    await world.clerk.get('k');
  });

  /** Makes the clerk learn that another server is the primary. */
  const turnTo = async (number: number, primary: 'a' | 'b'): Promise<void> => {
    const { clerk, view, finish } = world;
    view.answer = viewOf(number, primary);
    once(world[primary === 'a' ? 'b' : 'a'], notPrimary);
    await finish(clerk.get('k'));
  };

  it('to an earlier primary stay open until what is under way there has been answered', async () => {
    const { clerk, clock, a, pass } = world;
    const working = a.answer;
    a.answer = () => 'silence';
    const slow = new Watched(clerk.get('slow', { timeoutMs: 700 }));
    await pass(0);
    a.answer = working;
    await turnTo(2, 'b');
    await pass(100);
    expect([slow.outcome, a.isClosed]).to.deep.equal(['pending', false]);
    await pass(700 - clock.now());
    expect([slow.outcome, a.isClosed]).to.deep.equal(['rejected', true]);
  });

  it('to an earlier primary are opened again when it returns', async () => {
    const { clerk, opened, a, b } = world;
    await turnTo(2, 'b');
    expect([a.isClosed, b.isClosed]).to.deep.equal([true, false]);
    await turnTo(3, 'a');
    expect([a.isClosed, b.isClosed]).to.deep.equal([false, true]);
    expect(opened).to.deep.equal(
      new Map([
        ['a', 2],
        ['b', 1],
      ]),
    );
    await clerk.close();
    expect(a.isClosed).to.equal(true);
  });

  it('are one for all views in a row with the same primary', async () => {
    const { clerk, view, opened, a, finish } = world;
    for (let number = 2; number < 6; number += 1) {
      view.answer = viewOf(number, 'a');
      once(a, notPrimary);
      await finish(clerk.get('k'));
    }
    expect(opened).to.deep.equal(new Map([['a', 1]]));
  });

  it('are all closed with the clerk, which asks nothing afterwards', async () => {
    const { clerk, view, a, b, pass } = world;
    await turnTo(2, 'b');
    a.answer = b.answer = () => notPrimary;
    const call = clerk.get('k');
    call.catch(() => undefined);
    await pass(30);
    const asked = view.askedAtMs.length;
    await clerk.close();
    await pass(1000);
    expect(await rejection(call, ClerkError)).to.have.property('kind', 'aborted');
    expect([a.isClosed, b.isClosed, view.isClosed]).to.deep.equal([true, true, true]);
    expect(view.askedAtMs).to.have.length(asked);
  });
});
