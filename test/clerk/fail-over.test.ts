import { expect } from 'chai';
import { BaseClerk } from '../../src/clerk/base-clerk.js';
import type { ClientLink } from '../../src/clerk/client-link.js';
import { EndpointsRoute } from '../../src/clerk/endpoints-route.js';
import { clientId } from '../../src/kv/operation.js';
import { CallError } from '../../src/rpc/call-error.js';
import { seededRandom } from '../../src/runtime/random.js';
import { FakeClock } from '../support/fake-clock.js';

const attemptTimeoutMs = 1000;

/** A replica that answers after 5 ms, or hangs until the deadline of every attempt. */
class FakeReplica {
  hangs = false;
  attempts = 0;
  readonly link: ClientLink;

  constructor(clock: FakeClock, address: string) {
    this.link = {
      address,
      execute: async (request, { timeoutMs }) => {
        this.attempts += 1;
        await clock.sleep(this.hangs ? timeoutMs : 5);
        if (this.hangs)
          throw new CallError({ code: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN', message: 'hangs' });
        if (request.kind === 'open-session') return { kind: 'session-opened', clientId: clientId(1) };
        return { kind: 'put' };
      },
      close: () => undefined,
    };
  }
}

describe('a clerk whose replica hangs', () => {
  // A count that three divides: turning once for every failure would come back to where it began.
  const callCount = 18;
  let clock: FakeClock;
  let replicas: FakeReplica[];
  let clerk: BaseClerk;

  const clerkOf = (...links: readonly ClientLink[]): BaseClerk => {
    const route = new EndpointsRoute(links, seededRandom(1));
    return new BaseClerk({ route, attemptTimeoutMs, sequenceWindow: 1024, clock });
  };

  beforeEach(() => {
    clock = new FakeClock();
    replicas = ['a', 'b', 'c'].map((address) => new FakeReplica(clock, address));
    clerk = clerkOf(...replicas.map(({ link }) => link));
  });

  const putAll = async (): Promise<number[]> => {
    const startMs = clock.now();
    const tookMs: number[] = [];
    for (let call = 0; call < callCount; call += 1) {
      void clerk.put(`key ${call}`, 'value').then(() => tookMs.push(clock.now() - startMs));
    }
    await clock.runUntil(() => tookMs.length === callCount, 60_000);
    return tookMs;
  };

  it('finishes all calls under way one attempt later, however many there are', async () => {
    await putAll();
    replicas[0]!.hangs = true;
    for (const tookMs of await putAll()) expect(tookMs).to.equal(attemptTimeoutMs + 5);
    expect(replicas[0]!.attempts).to.equal(2 * callCount + 1);
  });

  it('goes on at the replica that answered', async () => {
    replicas[0]!.hangs = true;
    await putAll();
    const hanging = replicas[0]!.attempts;
    for (const tookMs of await putAll()) expect(tookMs).to.equal(5);
    expect(replicas[0]!.attempts).to.equal(hanging);
    expect(replicas[2]!.attempts).to.equal(0);
  });

  it('tells why an endpoint failed, not that its last attempt was cut short', async () => {
    const refused = new CallError({ code: 'UNAVAILABLE', reason: 'UNKNOWN', message: 'connection refused' });
    let attempts = 0;
    const link: ClientLink = {
      address: 'a',
      execute: async (_request, { timeoutMs }) => {
        attempts += 1;
        if (attempts === 1) throw refused;
        await clock.sleep(timeoutMs);
        throw new CallError({ code: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN', message: 'deadline exceeded' });
      },
      close: () => undefined,
    };
    clerk = clerkOf(link);
    let problem: unknown;
    void clerk.get('key', { timeoutMs: 300 }).catch((error: unknown) => (problem = error));
    await clock.runUntil(() => problem !== undefined, 1000);
    expect(attempts).to.equal(2);
    expect(problem).to.have.property('kind', 'timed-out');
    expect(problem).to.have.deep.property('failures', [{ endpoint: 'a', problem: 'connection refused' }]);
  });
});
