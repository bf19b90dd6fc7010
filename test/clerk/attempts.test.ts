import { expect } from 'chai';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import { callError, granted } from '../support/fake-store.js';
import { attemptTimeoutMs, clerkWorld, Watched } from '../support/clerk-world.js';
import { rejection } from '../support/rejection.js';

const working = clerkWorld(1).first.answer;
const outcomeUnknown = callError({ reason: 'OUTCOME_UNKNOWN' });
const notProposed = callError({ reason: 'NOT_PROPOSED' });

/** Does as told once, and works after that. */
const once = (answer: ReturnType<typeof working>): typeof working => {
  let told = false;
  return (request) => {
    if (told) return working(request);
    told = true;
    return answer;
  };
};

describe('the attempts of a clerk', () => {
  it('send the same request to the next replica, and stay with the one that answered', async () => {
    const { clerk, endpoints, finish } = clerkWorld(3);
    const [first, second, third] = [endpoints[0]!, endpoints[1]!, endpoints[2]!];
    first.answer = () => outcomeUnknown;
    await finish(clerk.append('k', 'v'));
    const [sent] = first.requests.filter(({ kind }) => kind === 'operation');
    expect(second.requests.filter(({ kind }) => kind === 'operation')).to.deep.equal([sent]);
    await finish(clerk.append('k', 'w'));
    expect(first.count('operation')).to.equal(1);
    expect(second.count('operation')).to.equal(2);
    expect(third.requests).to.deep.equal([]);
  });

  it('try a silent replica for as long as one attempt may take', async () => {
    const { clerk, endpoints, pass } = clerkWorld(2);
    endpoints[0]!.answer = () => 'silence';
    const call = new Watched(clerk.get('k'));
    await pass(attemptTimeoutMs - 10);
    expect(endpoints[1]!.requests).to.deep.equal([]);
    await pass(20);
    expect(call.outcome).to.equal('resolved');
  });

  it('follow the hint of who leads', async () => {
    const { clerk, endpoints, finish } = clerkWorld(4);
    endpoints[0]!.answer = () => callError({ reason: 'NOT_PROPOSED', leader: 'endpoint-2' });
    await finish(clerk.get('k'));
    expect(endpoints.map((endpoint) => endpoint.count('operation'))).to.deep.equal([1, 0, 1, 0]);
  });

  it('try the next one if the hint is no endpoint of theirs', async () => {
    const { clerk, endpoints, finish } = clerkWorld(3);
    endpoints[0]!.answer = () => callError({ reason: 'NOT_PROPOSED', leader: 'elsewhere' });
    await finish(clerk.get('k'));
    expect(endpoints.map((endpoint) => endpoint.count('operation'))).to.deep.equal([1, 1, 0]);
  });

  it('wait at a replica that is full as long as it says, and no longer than half as much again', async () => {
    const { clerk, endpoints, pass } = clerkWorld(2);
    endpoints[0]!.answer = once(
      callError({ code: 'RESOURCE_EXHAUSTED', reason: 'QUEUE_FULL', retryAfterMs: 200 }),
    );
    const call = new Watched(clerk.get('k'));
    await pass(195);
    expect(call.outcome).to.equal('pending');
    await pass(110);
    expect(call.outcome).to.equal('resolved');
    expect(endpoints.map((endpoint) => endpoint.count('operation'))).to.deep.equal([2, 0]);
  });

  it('wait once every replica has refused, longer each time, and never above half a second', async () => {
    const { clerk, clock, endpoints, pass } = clerkWorld(2);
    const atMs: number[] = [];
    endpoints[0]!.answer = () => {
      atMs.push(clock.now());
      return outcomeUnknown;
    };
    endpoints[1]!.answer = () => outcomeUnknown;
    const call = new Watched(clerk.get('k', { timeoutMs: 6000 }));
    await pass(6000);
    expect(call.outcome).to.equal('rejected');
    const gapsMs = atMs.slice(1).map((ms, index) => ms - atMs[index]!);
    expect(gapsMs[0]).to.be.within(10, 25);
    for (const gapMs of gapsMs.slice(6, -1)) expect(gapMs).to.be.within(250, 505);
    expect(gapsMs.length).to.be.within(12, 30);
    expect(endpoints[1]!.count('operation')).to.be.within(atMs.length - 1, atMs.length);
  });

  it('end at a refusal that no other attempt can change', async () => {
    const { clerk, endpoints } = clerkWorld(2);
    endpoints[0]!.answer = () =>
      callError({ code: 'FAILED_PRECONDITION', reason: 'VALUE_LIMIT', message: 'too large' });
    const error = await rejection(clerk.append('k', 'v'), ClerkError);
    expect(error).to.include({ kind: 'refused', outcome: 'not-executed', reason: 'VALUE_LIMIT' });
    expect(error.message).to.equal('too large');
    expect(endpoints[1]!.requests).to.deep.equal([]);
  });

  it('report the worst of them all', async () => {
    const { clerk, endpoints, finish } = clerkWorld(2);
    endpoints[0]!.answer = () => outcomeUnknown;
    endpoints[1]!.answer = () => callError({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
    const error = await rejection(finish(clerk.append('k', 'v')), ClerkError);
    expect(error).to.include({ kind: 'refused', outcome: 'unknown' });
  });

  it('report that none of them ran when the refusal is on record', async () => {
    const { clerk, endpoints, finish } = clerkWorld(2);
    endpoints[0]!.answer = () => outcomeUnknown;
    endpoints[1]!.answer = () => callError({ code: 'FAILED_PRECONDITION', reason: 'VALUE_LIMIT' });
    const error = await rejection(finish(clerk.append('k', 'v')), ClerkError);
    expect(error).to.include({ kind: 'refused', outcome: 'not-executed' });
  });
});

describe('the limits of a call', () => {
  it('end it at its deadline, naming what each replica said last', async () => {
    const { clerk, endpoints, pass } = clerkWorld(2);
    endpoints[0]!.answer = () => callError({ reason: 'NOT_PROPOSED', message: 'closing' });
    endpoints[1]!.answer = () => callError({ reason: 'NOT_PROPOSED', message: 'no majority' });
    const call = new Watched(clerk.append('k', 'v', { timeoutMs: 300 }));
    await pass(295);
    expect(call.outcome).to.equal('pending');
    await pass(5);
    const error = await rejection(call.promise, ClerkError);
    expect(error).to.include({ kind: 'timed-out', outcome: 'not-executed' });
    expect(error.message).to.include('endpoint-0: closing').and.to.include('endpoint-1: no majority');
    expect(error.message).to.not.include('\n');
    expect(error.failures).to.deep.equal([
      { endpoint: 'endpoint-0', problem: 'closing' },
      { endpoint: 'endpoint-1', problem: 'no majority' },
    ]);
  });

  it('shorten the last attempt, whose outcome is then unknown', async () => {
    const { clerk, first, pass } = clerkWorld(1);
    first.answer = () => 'silence';
    const call = new Watched(clerk.append('k', 'v', { timeoutMs: 300 }));
    await pass(295);
    expect(call.outcome).to.equal('pending');
    await pass(5);
    expect(await rejection(call.promise, ClerkError)).to.include({ kind: 'timed-out', outcome: 'unknown' });
  });

  it('count one attempt of unknown outcome among refused ones', async () => {
    const { clerk, endpoints, pass } = clerkWorld(2);
    endpoints[0]!.answer = once(callError({ code: 'DEADLINE_EXCEEDED' }));
    const later = endpoints[0]!.answer;
    endpoints[0]!.answer = (request) => {
      const answer = later(request);
      return answer === 'silence' || 'code' in answer ? answer : notProposed;
    };
    endpoints[1]!.answer = () => notProposed;
    const call = new Watched(clerk.append('k', 'v', { timeoutMs: 300 }));
    await pass(300);
    expect(await rejection(call.promise, ClerkError)).to.include({ kind: 'timed-out', outcome: 'unknown' });
  });

  it('hold while the session is being opened; nothing of the write is sent by then', async () => {
    const { clerk, first, pass } = clerkWorld(1);
    first.open = () => 'silence';
    const call = new Watched(clerk.put('k', 'v', { timeoutMs: 300 }));
    await pass(300);
    expect(await rejection(call.promise, ClerkError)).to.include({
      kind: 'timed-out',
      outcome: 'not-executed',
    });
    expect(first.count('operation')).to.equal(0);
  });

  it('end a call when its signal aborts, which may have executed', async () => {
    const { clerk, first, pass } = clerkWorld(1);
    first.answer = () => 'silence';
    const abort = new AbortController();
    const call = new Watched(clerk.put('k', 'v', { signal: abort.signal }));
    await pass(50);
    abort.abort();
    await pass(0);
    expect(await rejection(call.promise, ClerkError)).to.include({ kind: 'aborted', outcome: 'unknown' });
    first.answer = working;
    await clerk.put('k', 'v');
  });

  it('end a call whose signal aborts between two attempts, without waiting the gap out', async () => {
    const { clerk, first, pass } = clerkWorld(1);
    first.answer = () => callError({ code: 'RESOURCE_EXHAUSTED', reason: 'QUEUE_FULL', retryAfterMs: 5000 });
    const abort = new AbortController();
    const call = new Watched(clerk.put('k', 'v', { signal: abort.signal }));
    await pass(50);
    abort.abort();
    await pass(0);
    expect(await rejection(call.promise, ClerkError)).to.have.property('kind', 'aborted');
    expect(first.count('operation')).to.equal(1);
  });

  it('send nothing if the signal has aborted before', async () => {
    const { clerk, first, pass } = clerkWorld(1);
    for (const call of [
      clerk.get('k', { signal: AbortSignal.abort() }),
      clerk.put('k', 'v', { signal: AbortSignal.abort() }),
    ]) {
      expect(await rejection(call, ClerkError)).to.include({ kind: 'aborted', outcome: 'not-executed' });
    }
    await pass(10);
    expect(first.count('operation')).to.equal(0);
  });

  it('keep a write that was given up from running later', async () => {
    const { clerk, first, pass } = clerkWorld(1);
    first.answer = () => 'silence';
    const given = new Watched(clerk.put('k', 'v', { timeoutMs: 100 }));
    await pass(100);
    expect(given.outcome).to.equal('rejected');
    first.answer = (request) => granted(request, () => 0);
    await clerk.put('k', 'w');
    expect(first.sessions.at(-1)).to.deep.equal({ clientId: 1, sequence: 2, acknowledgedThrough: 1 });
  });
});
