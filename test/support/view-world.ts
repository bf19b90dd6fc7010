import { BaseClerk } from '../../src/clerk/base-clerk.js';
import type { View, ViewLink } from '../../src/clerk/view-link.js';
import { ViewRoute } from '../../src/clerk/view-route.js';
import { CallError } from '../../src/rpc/call-error.js';
import type { CallOptions } from '../../src/rpc/link.js';
import type { Clock } from '../../src/runtime/clock.js';
import { seededRandom } from '../../src/runtime/random.js';
import { attemptTimeoutMs, passing, type Passing } from './clerk-world.js';
import { FakeClock } from './fake-clock.js';
import { callError, FakeEndpoint } from './fake-store.js';

export const viewOf = (number: number, primary: string | undefined, trouble = ''): View => ({
  number,
  primary,
  trouble,
});

/** A view service that says what the test says, and remembers when it was asked. */
export class FakeView implements ViewLink {
  readonly address = 'view';
  readonly askedAtMs: number[] = [];
  isClosed = false;
  answer: View | CallError | 'silence' = viewOf(1, 'a');

  constructor(private readonly clock: Clock) {}

  async getView(_request: unknown, { timeoutMs, signal }: CallOptions): Promise<View> {
    this.askedAtMs.push(this.clock.now());
    const { answer } = this;
    if (answer instanceof CallError) throw answer;
    if (answer !== 'silence') return answer;
    await this.clock.sleep(timeoutMs, signal);
    throw callError({
      code: signal?.aborted ? 'CANCELLED' : 'DEADLINE_EXCEEDED',
      message: 'the view is silent',
    });
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A clerk on a faked view service, and on a clock that the test moves. */
export interface ViewWorld extends Passing {
  readonly clerk: BaseClerk;
  readonly clock: FakeClock;
  readonly view: FakeView;
  readonly a: FakeEndpoint;
  readonly b: FakeEndpoint;
  /** How often the clerk has opened a link to each of them. */
  readonly opened: Map<string, number>;
}

/** A clerk that knows a view service, which knows the servers `a` and `b`; a view may name no other. */
export function viewWorld(): ViewWorld {
  const clock = new FakeClock();
  const view = new FakeView(clock);
  let issued = 0;
  const [a, b] = ['a', 'b'].map((address) => new FakeEndpoint(address, clock, () => (issued += 1)));
  const servers = new Map([a!, b!].map((server) => [server.address, server]));
  const opened = new Map<string, number>();
  const open = (address: string): FakeEndpoint => {
    const server = servers.get(address);
    if (server === undefined) throw new RangeError(`"${address}" is not an address`);
    opened.set(address, (opened.get(address) ?? 0) + 1);
    server.isClosed = false;
    return server;
  };
  const route = new ViewRoute({ view, open, timeoutMs: attemptTimeoutMs, clock, random: seededRandom(1) });
  const clerk = new BaseClerk({ route, attemptTimeoutMs, sequenceWindow: 1024, clock });
  return { clerk, clock, view, a: a!, b: b!, opened, ...passing(clock) };
}
