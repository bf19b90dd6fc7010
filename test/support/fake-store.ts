import type { ClientLink } from '../../src/clerk/client-link.js';
import { clientId, type Operation, type Request, type Result, type Session } from '../../src/kv/operation.js';
import { CallError, type CallErrorDetails } from '../../src/rpc/call-error.js';
import type { CallOptions } from '../../src/rpc/link.js';
import type { Clock } from '../../src/runtime/clock.js';

/** What an endpoint does with a request: answers, refuses, or stays silent until the call ends. */
export type Answer = Result | CallError | 'silence';

export const callError = (details: Partial<CallErrorDetails>): CallError =>
  new CallError({ code: 'UNAVAILABLE', reason: 'UNKNOWN', message: 'refused by the test', ...details });

/** What a store that works answers, with client ids of its choice. */
export const granted = (request: Request, nextClientId: () => number): Result => {
  switch (request.kind) {
    case 'open-session':
      return { kind: 'session-opened', clientId: clientId(nextClientId()) };
    case 'close-session':
      return { kind: 'session-closed' };
    case 'operation':
      return operationResult(request.operation);
  }
};

const operationResult = ({ kind }: Operation): Result => {
  switch (kind) {
    case 'get':
      return { kind, value: '', found: false };
    case 'put-hash':
      return { kind, previousValue: '' };
    default:
      return { kind };
  }
};

/** An endpoint of a clerk that does what the test says and remembers what it was asked. */
export class FakeEndpoint implements ClientLink {
  readonly requests: Request[] = [];
  isClosed = false;
  /** Answers operations; sessions are opened and closed without it. */
  answer: (request: Request) => Answer = (request) => granted(request, () => 0);
  /** Answers OpenSession. */
  open: () => Answer;

  constructor(
    readonly address: string,
    private readonly clock: Clock,
    nextClientId: () => number,
  ) {
    this.open = () => granted({ kind: 'open-session' }, nextClientId);
  }

  /** The sessions of the writes that came. */
  get sessions(): (Session | undefined)[] {
    return this.requests.flatMap((request) => (request.kind === 'operation' ? [request.session] : []));
  }

  /** How many requests of each kind came. */
  count(kind: Request['kind']): number {
    return this.requests.filter((request) => request.kind === kind).length;
  }

  execute(request: Request, { timeoutMs, signal }: CallOptions): Promise<Result> {
    // As a channel does: what is cancelled by then is not sent.
    if (signal?.aborted) return Promise.reject(callError({ code: 'CANCELLED' }));
    this.requests.push(request);
    const answer = this.#answerTo(request);
    if (answer instanceof CallError) return Promise.reject(answer);
    if (answer !== 'silence') return Promise.resolve(answer);
    return new Promise((_resolve, reject) => {
      const timer = this.clock.timer(timeoutMs, () => reject(callError({ code: 'DEADLINE_EXCEEDED' })));
      const cancel = () => {
        timer.cancel();
        reject(callError({ code: 'CANCELLED' }));
      };
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  close(): void {
    this.isClosed = true;
  }

  #answerTo(request: Request): Answer {
    switch (request.kind) {
      case 'operation':
        return this.answer(request);
      case 'open-session':
        return this.open();
      case 'close-session':
        return { kind: 'session-closed' };
    }
  }
}
