import { expect } from 'chai';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import { keyLimitBytes, valueLimitBytes } from '../../src/kv/limits.js';
import { callError, type Answer, type FakeEndpoint } from '../support/fake-store.js';
import { clerkWorld, Watched, type ClerkWorld } from '../support/clerk-world.js';
import { rejection } from '../support/rejection.js';

const expired = callError({ code: 'FAILED_PRECONDITION', reason: 'SESSION_EXPIRED' });

/** Makes an endpoint answer the writes of one session so, and leaves the others as they were. */
const endSession = (endpoint: FakeEndpoint, ended: number, answer: Answer): void => {
  const before = endpoint.answer;
  endpoint.answer = (request) =>
    request.kind === 'operation' && request.session?.clientId === ended ? answer : before(request);
};

describe('a clerk', () => {
  let world: ClerkWorld;

  beforeEach(() => {
    world = clerkWorld(1);
  });

  it('opens one session for all writes that need it, and none for reads', async () => {
    const { clerk, first } = world;
    await Promise.all([clerk.get('k'), clerk.find('k')]);
    expect(first.count('open-session')).to.equal(0);
    await Promise.all([clerk.put('k', 'v'), clerk.append('k', 'v'), clerk.putHash('k', 'v')]);
    expect(first.count('open-session')).to.equal(1);
    expect(first.sessions.slice(2).map((session) => session?.sequence)).to.have.members([1, 2, 3]);
  });

  it('tells a missing key from an empty value, and reads both as the empty text', async () => {
    const { clerk, first } = world;
    expect(await clerk.find('k')).to.equal(undefined);
    expect(await clerk.get('k')).to.equal('');
    first.answer = () => ({ kind: 'get', value: '', found: true });
    expect(await clerk.find('k')).to.equal('');
    expect(await clerk.get('k')).to.equal('');
  });

  it('acknowledges all that is settled below the lowest write under way', async () => {
    const { clerk, first } = world;
    const working = first.answer;
    first.answer = (request) =>
      request.kind === 'operation' && request.session?.sequence === 2 ? 'silence' : working(request);
    await clerk.put('k', 'v');
    const silent = new Watched(clerk.put('k', 'v', { timeoutMs: 500 }));
    await clerk.put('k', 'v');
    await clerk.put('k', 'v');
    expect(first.sessions.map((session) => session?.acknowledgedThrough)).to.deep.equal([0, 1, 1, 1]);
    await world.pass(500);
    expect(silent.outcome).to.equal('rejected');
    await clerk.put('k', 'v');
    expect(first.sessions.at(-1)).to.deep.equal({ clientId: 1, sequence: 5, acknowledgedThrough: 4 });
  });

  it('holds writes back while its window is full, and reads never', async () => {
    world = clerkWorld(1, 4);
    const { clerk, first } = world;
    const working = first.answer;
    first.answer = (request) =>
      request.kind === 'operation' && request.session !== undefined ? 'silence' : working(request);
    const writes = Array.from({ length: 6 }, () => new Watched(clerk.put('k', 'v', { timeoutMs: 500 })));
    await world.pass(100);
    await clerk.get('k');
    expect(
      first.sessions.filter((session) => session !== undefined).map(({ sequence }) => sequence),
    ).to.deep.equal([1, 2, 3, 4]);
    await world.pass(400);
    const errors = await Promise.all(writes.map(({ promise }) => rejection(promise, ClerkError)));
    expect(errors.map(({ outcome }) => outcome)).to.deep.equal([
      ...Array<string>(4).fill('unknown'),
      'not-executed',
      'not-executed',
    ]);
    first.answer = working;
    await clerk.put('k', 'v');
  });

  it('sends writes that its store has not run under a new session, opened once for all', async () => {
    const { clerk, first } = world;
    await clerk.put('k', 'v');
    endSession(first, 1, expired);
    await Promise.all([clerk.put('k', 'v'), clerk.append('k', 'v'), clerk.putHash('k', 'v')]);
    expect(first.count('open-session')).to.equal(2);
    const renewed = first.sessions.filter((session) => session?.clientId === 2);
    expect(renewed.map((session) => session?.sequence)).to.have.members([1, 2, 3]);
  });

  it('does not repeat a write that may have run before its session ended', async () => {
    world = clerkWorld(2);
    const { clerk, endpoints, pass } = world;
    await clerk.put('k', 'v');
    endSession(endpoints[0]!, 1, 'silence');
    endpoints[1]!.answer = () => expired;
    const call = new Watched(clerk.append('k', 'v'));
    await pass(1100);
    const error = await rejection(call.promise, ClerkError);
    expect(error).to.include({ kind: 'session-ended', outcome: 'unknown' });
    const appends = endpoints
      .flatMap(({ sessions }) => sessions)
      .filter((session) => session?.sequence === 2);
    expect(appends.map((session) => session?.clientId)).to.deep.equal([1, 1]);
  });

  it('goes on under a new session after one ended under a write of unknown outcome', async () => {
    world = clerkWorld(2);
    const { clerk, endpoints, first, finish } = world;
    await clerk.put('k', 'v');
    endpoints[1]!.answer = first.answer;
    endSession(first, 1, 'silence');
    endSession(endpoints[1]!, 1, expired);
    await rejection(finish(clerk.append('k', 'v')), ClerkError);
    await finish(clerk.append('k', 'w'));
    expect(endpoints[1]!.sessions.at(-1)).to.deep.include({ clientId: 2, sequence: 1 });
  });

  it('sends nothing that the store could not take', async () => {
    const { clerk, first } = world;
    const attempts = [
      clerk.get(''),
      clerk.find('k'.repeat(keyLimitBytes + 1)),
      clerk.get('\ud800'),
      clerk.put('', 'v'),
      clerk.append('k', 'v'.repeat(valueLimitBytes + 1)),
      clerk.putHash('k', 'a\udc00'),
    ];
    for (const attempt of attempts) {
      const error = await rejection(attempt, ClerkError);
      expect(error).to.include({ kind: 'invalid', outcome: 'not-executed' });
      expect(error.failures).to.deep.equal([]);
    }
    expect(first.requests).to.deep.equal([]);
  });

  it('ends its session and the calls under way when it is closed', async () => {
    const { clerk, first, pass } = world;
    await clerk.put('k', 'v');
    first.answer = () => 'silence';
    const calls = [new Watched(clerk.put('k', 'v')), new Watched(clerk.get('k'))];
    await pass(10);
    await clerk.close();
    for (const { promise } of calls) {
      expect(await rejection(promise, ClerkError)).to.include({ kind: 'aborted', outcome: 'unknown' });
    }
    expect(first.requests.at(-1)).to.deep.equal({ kind: 'close-session', clientId: 1 });
    expect(first.isClosed).to.equal(true);
    await clerk.close();
  });

  it('ends calls that have a signal of their own too, at once, wherever they are', async () => {
    world = clerkWorld(1, 1);
    const { clerk, first, pass } = world;
    const { signal } = new AbortController();
    await clerk.put('k', 'v');
    first.answer = () => 'silence';
    const sent = [new Watched(clerk.get('k', { signal })), new Watched(clerk.put('k', 'v', { signal }))];
    await pass(10);
    const waiting = new Watched(clerk.put('k', 'v', { signal }));
    first.answer = () => callError({ code: 'RESOURCE_EXHAUSTED', reason: 'QUEUE_FULL', retryAfterMs: 800 });
    const refused = new Watched(clerk.get('k', { signal }));
    await pass(10);
    await clerk.close();
    await pass(0);
    for (const { promise } of sent) {
      expect(await rejection(promise, ClerkError)).to.include({ kind: 'aborted', outcome: 'unknown' });
    }
    for (const { outcome, promise } of [waiting, refused]) {
      expect(outcome).to.equal('rejected');
      expect(await rejection(promise, ClerkError)).to.include({ kind: 'aborted', outcome: 'not-executed' });
    }
  });

  it('ends calls that wait for a session when it is closed', async () => {
    const { clerk, first, pass } = world;
    first.open = () => 'silence';
    const call = new Watched(clerk.put('k', 'v'));
    await pass(10);
    const closed = clerk.close();
    await pass(10);
    await closed;
    expect(await rejection(call.promise, ClerkError)).to.have.property('kind', 'aborted');
    expect(first.count('operation')).to.equal(0);
  });

  it('sends nothing any more once it is closed', async () => {
    const { clerk, first, pass } = world;
    await clerk.close();
    const calls = [new Watched(clerk.get('k')), new Watched(clerk.put('k', 'v'))];
    await pass(10);
    for (const { promise } of calls) {
      expect(await rejection(promise, ClerkError)).to.have.property('kind', 'aborted');
    }
    expect(first.requests).to.deep.equal([]);
  });

  it('closes soon, also if nobody answers', async () => {
    const { clerk, first, pass } = world;
    await clerk.put('k', 'v');
    first.execute = (_request, { timeoutMs }) =>
      world.clock.sleep(timeoutMs).then(() => Promise.reject(callError({ code: 'DEADLINE_EXCEEDED' })));
    const closed = new Watched(clerk.close());
    await pass(600);
    expect(closed.outcome).to.equal('resolved');
    expect(first.isClosed).to.equal(true);
  });
});
