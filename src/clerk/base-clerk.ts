import { setMaxListeners } from 'node:events';
import { ClientSession, sessionFor, type OpenedSession } from '../kv/client-session.js';
import type { ClientId, Operation, Result, WriteOperation } from '../kv/operation.js';
import { operationProblem } from '../kv/validate.js';
import type { Clock } from '../runtime/clock.js';
import { Attempts, sessionExpired, type CallLimits } from './attempts.js';
import { ClerkError } from './clerk-error.js';
import type { Route } from './route.js';
import { within } from './within.js';

export interface BaseClerkOptions {
  readonly route: Route;
  /** How long one attempt at one replica may take. */
  readonly attemptTimeoutMs: number;
  /** How many writes may be under way at once. */
  readonly sequenceWindow: number;
  readonly clock: Clock;
}

/** How long closing waits for the store to hear of it. */
const closeTimeoutMs = 500;

/**
 * The client's side of the store, over a route. Any number of calls may be under way at once; they have no order
 * among themselves. Every write runs at most once, however often it was sent (rule R8).
 */
export class BaseClerk {
  readonly #options: BaseClerkOptions;
  readonly #attempts: Attempts;
  readonly #session: ClientSession;
  readonly #closing = new AbortController();
  /** Calls that wait for room in the window. */
  readonly #roomWaits = new Set<() => void>();

  constructor(options: BaseClerkOptions) {
    this.#options = options;
    // Every call under way listens for the end of the clerk.
    setMaxListeners(0, this.#closing.signal);
    this.#attempts = new Attempts({ ...options, closing: this.#closing.signal });
    this.#session = new ClientSession(() => this.#openSession(), options.sequenceWindow);
  }

  /** The value of a key; "" if it is missing (seed 001). @throws ClerkError */
  async get(key: string, limits: CallLimits = {}): Promise<string> {
    return (await this.find(key, limits)) ?? '';
  }

  /** The value of a key, or undefined if it is missing. @throws ClerkError */
  async find(key: string, limits: CallLimits = {}): Promise<string | undefined> {
    const operation: Operation = { kind: 'get', key };
    this.#check(operation);
    const result = await this.#attempts.run(
      () => ({ kind: 'operation', operation, session: undefined }),
      this.#deadline(limits),
      limits.signal,
    );
    if (result === sessionExpired || result.kind !== 'get') return unexpected(result);
    return result.found ? result.value : undefined;
  }

  /** Replaces the value of a key. @throws ClerkError */
  async put(key: string, value: string, limits: CallLimits = {}): Promise<void> {
    await this.#write({ kind: 'put', key, value }, limits);
  }

  /** Adds to the end of a key's value; acts as `put` on a missing key. @throws ClerkError */
  async append(key: string, value: string, limits: CallLimits = {}): Promise<void> {
    await this.#write({ kind: 'append', key, value }, limits);
  }

  /**
   * Stores the decimal text of the 32-bit FNV-1a over previous and new value, and answers the previous one.
   * @throws ClerkError
   */
  async putHash(key: string, value: string, limits: CallLimits = {}): Promise<string> {
    const result = await this.#write({ kind: 'put-hash', key, value }, limits);
    return result.kind === 'put-hash' ? result.previousValue : unexpected(result);
  }

  /** Ends the session and every call under way. The clerk is of no use afterwards. */
  async close(): Promise<void> {
    const opened = this.#session.opened;
    if (opened !== undefined && !this.#closing.signal.aborted) await this.#closeSession(opened);
    this.#closing.abort();
    this.#options.route.close();
  }

  async #write(operation: WriteOperation, limits: CallLimits): Promise<Result> {
    this.#check(operation);
    const deadlineMs = this.#deadline(limits);
    for (;;) {
      const session = await this.#currentSession(deadlineMs, limits.signal);
      const result = await this.#writeUnder(session, operation, deadlineMs, limits.signal);
      if (result !== sessionExpired) return result;
    }
  }

  async #writeUnder(
    session: OpenedSession,
    operation: WriteOperation,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Result | typeof sessionExpired> {
    const sequence = await this.#takeSequence(session, deadlineMs, signal);
    try {
      const result = await this.#attempts.run(
        () => ({ kind: 'operation', operation, session: sessionFor(session, sequence) }),
        deadlineMs,
        signal,
      );
      if (result === sessionExpired) this.#session.ended(session);
      return result;
    } catch (error) {
      if (error instanceof ClerkError && error.kind === 'session-ended') this.#session.ended(session);
      throw error;
    } finally {
      // Also when the call was given up: acknowledging past it keeps it from running later than now (rule R8).
      session.window.settle(sequence);
      for (const wake of this.#roomWaits) wake();
    }
  }

  async #takeSequence(
    { window }: OpenedSession,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    for (;;) {
      const sequence = window.take();
      if (sequence !== undefined) return sequence;
      const room = new Promise<void>((resolve) => {
        const wake = () => {
          this.#roomWaits.delete(wake);
          resolve();
        };
        this.#roomWaits.add(wake);
      });
      await this.#within(room, deadlineMs, signal);
    }
  }

  #currentSession(deadlineMs: number, signal: AbortSignal | undefined): Promise<OpenedSession> {
    return this.#within(this.#session.current(), deadlineMs, signal);
  }

  /** Waits for something other than an attempt; nothing of the call has been sent while it does. */
  #within<Value>(
    promise: Promise<Value>,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Value> {
    const { clock } = this.#options;
    return within(promise, { clock, deadlineMs, signal }, (why) => this.#attempts.gaveUp(why, 'no'));
  }

  /** Opened for all calls that wait for it, so none of their limits ends it. */
  async #openSession(): Promise<ClientId> {
    const result = await this.#attempts.run(() => ({ kind: 'open-session' }), Infinity, undefined);
    if (result === sessionExpired || result.kind !== 'session-opened') return unexpected(result);
    return result.clientId;
  }

  async #closeSession({ clientId }: OpenedSession): Promise<void> {
    try {
      const deadlineMs = this.#options.clock.now() + closeTimeoutMs;
      await this.#attempts.run(() => ({ kind: 'close-session', clientId }), deadlineMs, undefined);
    } catch {
      // A session nobody closes ends when it is the one least recently used.
    }
  }

  #deadline({ timeoutMs }: CallLimits): number {
    return timeoutMs === undefined ? Infinity : this.#options.clock.now() + timeoutMs;
  }

  #check(operation: Operation): void {
    const problem = operationProblem(operation);
    if (problem === undefined) return;
    throw new ClerkError({ kind: 'invalid', message: problem, outcome: 'not-executed', failures: [] });
  }
}

const unexpected = (result: Result | typeof sessionExpired): never => {
  throw new Error(
    `the store answered ${typeof result === 'symbol' ? 'that a session expired' : result.kind}`,
  );
};
