import { setMaxListeners } from 'node:events';
import type { CallLimits } from '../clerk/attempts.js';
import type { BaseClerk } from '../clerk/base-clerk.js';
import { ClerkError } from '../clerk/clerk-error.js';
import type { Operation } from '../kv/operation.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import { CallTally } from './call-tally.js';
import { clerkAnswer } from './clerk-answer.js';
import type { History } from './history.js';
import { HistoryRecorder } from './history-recorder.js';
import { Pace } from './pace.js';
import { Workload, workloadKeys } from './workload.js';

export interface LiveRunOptions {
  /** Each is a clerk of its own. */
  readonly clerks: readonly Pick<BaseClerk, 'find' | 'put' | 'append' | 'putHash'>[];
  /** Of all clients together. */
  readonly ratePerSecond: number;
  /** Of each call. */
  readonly timeoutMs: number;
  /** What every key begins with; no key may be there yet. */
  readonly keyPrefix: string;
  readonly keyCount: number;
  /** A stream of its own at every call: for the pace, and for each client. */
  readonly newRandom: () => Random;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Ends the calls under way, and lets no more begin. */
  readonly interrupted: AbortSignal;
}

interface Client {
  readonly name: string;
  readonly clerk: LiveRunOptions['clerks'][number];
  readonly workload: Workload;
  /** How many calls it has under way at once. */
  readonly depth: number;
}

/** One client in so many has several calls under way at once; the others have one. */
const clientsPerPipelining = 4;
const pipelineDepth = 8;

/** Clerks that call a running store, and the history of what they saw. */
export class LiveRun {
  readonly tally: CallTally;
  readonly #options: LiveRunOptions;
  readonly #recorder: HistoryRecorder;
  readonly #clients: readonly Client[];
  readonly #pace: Pace;

  /** Times in the history are milliseconds from now. */
  constructor(options: LiveRunOptions) {
    const { clerks, clock, ratePerSecond, keyPrefix: prefix, keyCount, newRandom } = options;
    const startMs = clock.now();
    // To a microsecond, so that people can read it. Rounding keeps the order, and what it makes touch is concurrent.
    const sinceStart = { now: () => Math.round((clock.now() - startMs) * 1000) / 1000 };
    this.#options = options;
    this.#recorder = new HistoryRecorder(sinceStart);
    this.tally = new CallTally(clock);
    this.#pace = new Pace({ clock, random: newRandom(), ratePerSecond, largestBurst: clerks.length });
    this.#clients = clerks.map((clerk, index) => {
      const name = String(index);
      const isPipelining = index % clientsPerPipelining === clientsPerPipelining - 1;
      const workload = new Workload({ random: newRandom(), prefix, keyCount, client: name });
      return { name, clerk, workload, depth: isPipelining ? pipelineDepth : 1 };
    });
    setMaxListeners(0, options.interrupted);
  }

  /** All calls so far; one still under way has an unknown outcome. */
  get history(): History {
    return this.#recorder.history;
  }

  /** Lets all clients call for so long, or until interrupted. Resolves when every call has ended. */
  async work(durationMs: number): Promise<void> {
    const { clock, interrupted } = this.#options;
    const ending = new AbortController();
    const end = () => ending.abort();
    setMaxListeners(0, ending.signal);
    this.tally.start();
    const timer = clock.timer(durationMs, end);
    if (interrupted.aborted) end();
    interrupted.addEventListener('abort', end, { once: true });
    const lanes = this.#clients.flatMap((client) =>
      Array.from({ length: client.depth }, () => this.#callInTurn(client, ending.signal)),
    );
    try {
      await Promise.all(lanes);
    } finally {
      timer.cancel();
      interrupted.removeEventListener('abort', end);
      this.tally.end();
    }
  }

  /** Reads every key once more, so that a write that was lost last is seen. All reads together have the timeout of one call. */
  async readAll(): Promise<void> {
    const { clock, timeoutMs, keyPrefix, keyCount } = this.#options;
    const deadlineMs = clock.now() + timeoutMs;
    const keys = workloadKeys(keyPrefix, keyCount);
    await Promise.all(
      this.#clients.map(async (client, index) => {
        for (let next = index; next < keys.length; next += this.#clients.length) {
          const [key, leftMs] = [keys[next], deadlineMs - clock.now()];
          if (key === undefined || leftMs <= 0) return;
          await this.#call(client, { kind: 'get', key }, { timeoutMs: leftMs });
        }
      }),
    );
  }

  /** One call after another. */
  async #callInTurn(client: Client, ending: AbortSignal): Promise<void> {
    const { timeoutMs, interrupted } = this.#options;
    const limits = { timeoutMs, signal: interrupted };
    let uncertainKey: string | undefined;
    for (;;) {
      await this.#pace.turn(ending);
      if (ending.aborted) return;
      const operation = client.workload.next(uncertainKey);
      const end = await this.#call(client, operation, limits);
      if (end === 'answered') uncertainKey = undefined;
      else if (end === 'unknown') uncertainKey = operation.key;
    }
  }

  async #call(
    { name, clerk }: Client,
    operation: Operation,
    limits: CallLimits,
  ): Promise<'answered' | 'unknown' | 'not-executed'> {
    const { clock, logger } = this.#options;
    const { kind } = operation;
    this.tally.called(kind);
    const calledAtMs = clock.now();
    try {
      await this.#recorder.record(name, operation, () => clerkAnswer(clerk, operation, limits));
      this.tally.answer(clock.now() - calledAtMs);
      return 'answered';
    } catch (error) {
      const outcome = error instanceof ClerkError ? error.outcome : 'unknown';
      const problem = `${kind}: ${error instanceof Error ? error.message : String(error)}`;
      this.tally.failure(outcome, problem);
      logger.debug('a call failed', { client: name, kind, outcome, problem });
      return outcome;
    }
  }
}
