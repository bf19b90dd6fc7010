import { BaseClerk } from '../../src/clerk/base-clerk.js';
import { EndpointsRoute } from '../../src/clerk/endpoints-route.js';
import { seededRandom } from '../../src/runtime/random.js';
import { FakeEndpoint } from './fake-store.js';
import { FakeClock, turns } from './fake-clock.js';

export const attemptTimeoutMs = 1000;

/** A clerk on faked endpoints and a clock that the test moves. */
export interface ClerkWorld extends Passing {
  readonly clerk: BaseClerk;
  readonly clock: FakeClock;
  readonly endpoints: readonly FakeEndpoint[];
  /** The endpoint that is tried first. */
  readonly first: FakeEndpoint;
}

export interface Passing {
  /** Lets time pass in small steps, and everything run that then can. */
  readonly pass: (ms: number) => Promise<void>;
  /** Lets time pass until a call has ended. */
  readonly finish: <Value>(call: Promise<Value>) => Promise<Value>;
}

const stepMs = 5;
const finishLimitMs = 60_000;

export function clerkWorld(endpointCount: number, sequenceWindow = 1024): ClerkWorld {
  const clock = new FakeClock();
  let issued = 0;
  const endpoints = Array.from(
    { length: endpointCount },
    (_, index) => new FakeEndpoint(`endpoint-${index}`, clock, () => (issued += 1)),
  );
  const clerk = new BaseClerk({
    route: new EndpointsRoute(endpoints, seededRandom(1)),
    attemptTimeoutMs,
    sequenceWindow,
    clock,
  });
  return { clerk, clock, endpoints, first: endpoints[0]!, ...passing(clock) };
}

/** How the time of a clock passes. */
export function passing(clock: FakeClock): Passing {
  const pass = async (ms: number) => {
    await turns();
    for (let passed = 0; passed < ms; passed += stepMs) {
      clock.advance(Math.min(stepMs, ms - passed));
      await turns();
    }
  };
  const finish = async <Value>(call: Promise<Value>) => {
    const watched = new Watched(call);
    for (let passed = 0; watched.outcome === 'pending'; passed += stepMs) {
      if (passed > finishLimitMs) throw new Error(`the call has not ended after ${finishLimitMs} ms`);
      await pass(stepMs);
    }
    return call;
  };
  return { pass, finish };
}

/** A call that may be looked at before it ends. */
export class Watched<Value> {
  outcome: 'pending' | 'resolved' | 'rejected' = 'pending';

  constructor(readonly promise: Promise<Value>) {
    promise.then(
      () => (this.outcome = 'resolved'),
      () => (this.outcome = 'rejected'),
    );
  }
}
