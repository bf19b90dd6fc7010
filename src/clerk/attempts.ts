import type { Request, Result } from '../kv/operation.js';
import type { CallError } from '../rpc/call-error.js';
import { toCallError } from '../rpc/call-error.js';
import { eitherSignal } from '../rpc/either-signal.js';
import type { Clock } from '../runtime/clock.js';
import { ClerkError } from './clerk-error.js';
import type { ClientLink } from './client-link.js';
import type { Route } from './route.js';
import { verdictOn, type Executed, type FinalVerdict, type RetryVerdict, type Verdict } from './verdict.js';
import { isAborted, within } from './within.js';

/** When a call ends unfinished. */
export interface CallLimits {
  /** Milliseconds for the whole call, all attempts together; default: none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The call is to go out again under a new session: no attempt of it can have executed. */
export const sessionExpired = Symbol('session expired');

export interface AttemptsOptions {
  readonly route: Route;
  readonly attemptTimeoutMs: number;
  readonly clock: Clock;
  /** Aborts when the clerk closes. */
  readonly closing: AbortSignal;
}

/** Sends one request along a route, again and again, until it is answered or its limits are reached. */
export class Attempts {
  readonly #options: AttemptsOptions;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /**
   * @param request makes the request as it is to be sent now; asked anew for each attempt
   * @throws ClerkError
   */
  async run(
    request: () => Request,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Result | typeof sessionExpired> {
    const { closing } = this.#options;
    if (signal === undefined) return this.#tryInTurn(request, deadlineMs, closing);
    const either = eitherSignal(signal, closing);
    try {
      return await this.#tryInTurn(request, deadlineMs, either.signal);
    } finally {
      either.release();
    }
  }

  async #tryInTurn(
    request: () => Request,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Result | typeof sessionExpired> {
    const { clock, route } = this.#options;
    const turns = route.call();
    let executed: Executed = 'no';
    const inTime = <Value>(promise: Promise<Value>) =>
      within(promise, { clock, deadlineMs, signal }, (why) => this.gaveUp(why, executed));
    for (;;) {
      if (isAborted(signal)) throw this.gaveUp('aborted', executed);
      const found = turns.link();
      const link = found instanceof Promise ? await inTime(found) : found;
      const outcome = await this.#attempt(link, request(), deadlineMs, signal);
      if ('result' in outcome) {
        turns.answered();
        return outcome.result;
      }
      const { error, verdict } = outcome;
      if (!('executed' in verdict)) {
        const failure = this.#ending(verdict, error, executed, signal);
        // A refusal is an answer too: whoever gave it is there.
        turns.answered();
        if (failure === sessionExpired) return failure;
        throw failure;
      }
      // Told also if the call ends here, so that the next one need not go the same way.
      const wait = turns.failed(verdict);
      executed = worse(executed, verdict);
      if (isAborted(signal)) throw this.gaveUp('aborted', executed);
      if (clock.now() >= deadlineMs) throw this.gaveUp('timed-out', executed);
      const waitMs = wait instanceof Promise ? await inTime(wait) : wait;
      await clock.sleep(Math.min(waitMs, deadlineMs - clock.now()), signal);
    }
  }

  /** The error of a call that ends without an answer: one line that names every endpoint tried. */
  gaveUp(kind: 'timed-out' | 'aborted' | 'session-ended', executed: Executed): ClerkError {
    const why = { 'timed-out': 'timed out', aborted: 'was aborted', 'session-ended': 'lost its session' }[
      kind
    ];
    const failures = this.#options.route.failures.all;
    const tried = failures.map(({ endpoint, problem }) => `${endpoint}: ${problem}`).join('; ');
    return new ClerkError({
      kind,
      message: `the call ${why}${tried === '' ? '' : ` (${tried})`}`,
      outcome: executed === 'no' ? 'not-executed' : 'unknown',
      failures,
    });
  }

  async #attempt(
    link: ClientLink,
    request: Request,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly result: Result } | { readonly error: CallError; readonly verdict: Verdict }> {
    const { attemptTimeoutMs, clock, route } = this.#options;
    const timeoutMs = Math.max(1, Math.min(attemptTimeoutMs, deadlineMs - clock.now()));
    try {
      const result = await link.execute(request, { timeoutMs, signal });
      route.failures.forget(link.address);
      return { result };
    } catch (cause) {
      const error = toCallError(cause);
      // An attempt that the call's own deadline cut short says less than the one before it.
      const cutShort = error.code === 'DEADLINE_EXCEEDED' && timeoutMs < attemptTimeoutMs;
      const said = cutShort ? route.failures.problemAt(link.address) : undefined;
      route.failures.note(link.address, said ?? error.message);
      return { error, verdict: verdictOn(error) };
    }
  }

  /** What a call comes to that another attempt cannot help. */
  #ending(
    verdict: FinalVerdict,
    error: CallError,
    executed: Executed,
    signal: AbortSignal,
  ): ClerkError | typeof sessionExpired {
    if (isAborted(signal)) return this.gaveUp('aborted', executed);
    if (verdict.kind === 'session-expired') {
      return executed === 'no' ? sessionExpired : this.gaveUp('session-ended', 'unknown');
    }
    return new ClerkError({
      kind: 'refused',
      message: error.message,
      outcome: executed === 'no' || verdict.kind === 'recorded' ? 'not-executed' : 'unknown',
      reason: error.reason,
      failures: this.#options.route.failures.all,
    });
  }
}

const worse = (executed: Executed, verdict: RetryVerdict): Executed =>
  verdict.executed === 'unknown' ? 'unknown' : executed;
