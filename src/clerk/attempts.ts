import type { Request, Result } from '../kv/operation.js';
import type { CallError } from '../rpc/call-error.js';
import { toCallError } from '../rpc/call-error.js';
import { eitherSignal } from '../rpc/either-signal.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import { ClerkError, type EndpointFailure } from './clerk-error.js';
import type { ClientLink } from './client-link.js';
import { verdictOn, type Executed, type Verdict } from './verdict.js';

const firstBackoffMs = 20;
const backoffLimitMs = 500;

/** When a call ends unfinished. */
export interface CallLimits {
  /** Milliseconds for the whole call, all attempts together; default: none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The call is to go out again under a new session: no attempt of it can have executed. */
export const sessionExpired = Symbol('session expired');

export interface AttemptsOptions {
  readonly links: readonly ClientLink[];
  readonly attemptTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts when the clerk closes. */
  readonly closing: AbortSignal;
}

/**
 * Sends one request to one replica after another until it is answered or its limits are reached. Replicas are
 * tried in turn, beginning with the one that answered last.
 */
export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #failures = new Map<string, string>();
  /** The link that answered last. */
  #preferred = 0;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** The last failure at each endpoint since it last answered. */
  get failures(): readonly EndpointFailure[] {
    return [...this.#failures].map(([endpoint, problem]) => ({ endpoint, problem }));
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
    const { clock } = this.#options;
    let executed: Executed = 'no';
    let index = this.#preferred;
    for (let tried = 1; ; tried += 1) {
      if (signal.aborted) throw this.gaveUp('aborted', executed);
      const outcome = await this.#attempt(this.#link(index), request(), deadlineMs, signal);
      if ('result' in outcome) {
        this.#preferred = index;
        return outcome.result;
      }
      const { error, verdict } = outcome;
      if (isAborted(signal)) throw this.gaveUp('aborted', worse(executed, verdict));
      // A refusal is an answer too: whoever gave it is there.
      if (verdict.kind === 'final' || verdict.kind === 'session-expired') this.#preferred = index;
      if (verdict.kind === 'final') throw this.#refused(error, executed);
      if (verdict.kind === 'session-expired') {
        if (executed === 'no') return sessionExpired;
        throw this.gaveUp('session-ended', 'unknown');
      }
      executed = worse(executed, verdict);
      if (clock.now() >= deadlineMs) throw this.gaveUp('timed-out', executed);
      index = this.#next(index, verdict);
      const waitMs = this.#waitMs(verdict, tried);
      await clock.sleep(Math.min(waitMs, deadlineMs - clock.now()), signal);
    }
  }

  /** The error of a call that ends without an answer: one line that names every endpoint tried. */
  gaveUp(kind: 'timed-out' | 'aborted' | 'session-ended', executed: Executed): ClerkError {
    const why = { 'timed-out': 'timed out', aborted: 'was aborted', 'session-ended': 'lost its session' }[
      kind
    ];
    const tried = this.failures.map(({ endpoint, problem }) => `${endpoint}: ${problem}`).join('; ');
    return new ClerkError({
      kind,
      message: `the call ${why}${tried === '' ? '' : ` (${tried})`}`,
      outcome: executed === 'no' ? 'not-executed' : 'unknown',
      failures: this.failures,
    });
  }

  #link(index: number): ClientLink {
    const link = this.#options.links[index];
    if (link === undefined) throw new RangeError(`there is no endpoint ${index}`);
    return link;
  }

  async #attempt(
    link: ClientLink,
    request: Request,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<{ readonly result: Result } | { readonly error: CallError; readonly verdict: Verdict }> {
    const timeoutMs = Math.max(
      1,
      Math.min(this.#options.attemptTimeoutMs, deadlineMs - this.#options.clock.now()),
    );
    try {
      const result = await link.execute(request, { timeoutMs, signal });
      this.#failures.delete(link.address);
      return { result };
    } catch (cause) {
      const error = toCallError(cause);
      // An attempt that the call's own deadline cut short says less than the one before it.
      const cutShort = error.code === 'DEADLINE_EXCEEDED' && timeoutMs < this.#options.attemptTimeoutMs;
      if (!cutShort || !this.#failures.has(link.address)) this.#failures.set(link.address, error.message);
      return { error, verdict: verdictOn(error) };
    }
  }

  /** The replica to try next. Each call takes its own turns: what fails for many at once must not turn too far. */
  #next(index: number, verdict: Verdict): number {
    const { links } = this.#options;
    if (verdict.kind === 'wait') return index;
    const named =
      verdict.kind === 'other-replica' ? links.findIndex(({ address }) => address === verdict.address) : -1;
    return named >= 0 ? named : (index + 1) % links.length;
  }

  /** How long to wait before the next attempt; not at all until every replica has had its turn. */
  #waitMs(verdict: Verdict, tried: number): number {
    const { links, random } = this.#options;
    if (verdict.kind === 'wait') return verdict.ms * random.between(1, 1.5);
    const rounds = Math.floor(tried / links.length);
    if (rounds === 0 || tried % links.length !== 0) return 0;
    return random.between(0.5, 1) * Math.min(firstBackoffMs * 2 ** (rounds - 1), backoffLimitMs);
  }

  #refused(error: CallError, executed: Executed): ClerkError {
    return new ClerkError({
      kind: 'refused',
      message: error.message,
      outcome: executed === 'no' ? 'not-executed' : 'unknown',
      reason: error.reason,
      failures: this.failures,
    });
  }
}

/** A call, because the compiler takes the property for unchanged across an await. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

const worse = (executed: Executed, verdict: Verdict): Executed =>
  'executed' in verdict && verdict.executed === 'unknown' ? 'unknown' : executed;
