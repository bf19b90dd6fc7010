import type { Operation } from '../kv/operation.js';
import type { Clock } from '../runtime/clock.js';

export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Counts what became of calls. */
export class CallTally {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #calls: Record<Operation['kind'], number> = { get: 0, put: 0, append: 0, 'put-hash': 0 };
  readonly #latenciesMs: number[] = [];
  #startedAtMs: number;
  #lastAnswerAtMs: number;
  #longestPauseMs = 0;
  #endedAtMs: number | undefined;
  /** Calls that may have run, or may yet. */
  unknown = 0;
  /** Calls that certainly did not run. */
  notExecuted = 0;
  /** Why the last call failed that did. */
  lastFailure: string | undefined;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#startedAtMs = clock.now();
    this.#lastAnswerAtMs = this.#startedAtMs;
  }

  /** By kind; those under way included. */
  get calls(): Readonly<Record<Operation['kind'], number>> {
    return this.#calls;
  }

  get answered(): number {
    return this.#latenciesMs.length;
  }

  /** From the start until now or the end. */
  get durationMs(): number {
    return (this.#endedAtMs ?? this.#clock.now()) - this.#startedAtMs;
  }

  /** The longest time in which no call was answered, between the start and now or the end. */
  get longestPauseMs(): number {
    const untilMs = this.#endedAtMs ?? this.#clock.now();
    return Math.max(this.#longestPauseMs, untilMs - this.#lastAnswerAtMs);
  }

  /** Of the answered calls; undefined if there are none. */
  get latenciesMs(): Latencies | undefined {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const quantile = (share: number) => sorted[Math.ceil(share * sorted.length) - 1];
    const [p50, p99, max] = [quantile(0.5), quantile(0.99), quantile(1)];
    if (p50 === undefined || p99 === undefined || max === undefined) return undefined;
    return { p50, p99, max };
  }

  called(kind: Operation['kind']): void {
    this.#calls[kind] += 1;
  }

  answer(latencyMs: number): void {
    this.#latenciesMs.push(latencyMs);
    const nowMs = this.#clock.now();
    if (this.#endedAtMs !== undefined) return;
    this.#longestPauseMs = Math.max(this.#longestPauseMs, nowMs - this.#lastAnswerAtMs);
    this.#lastAnswerAtMs = nowMs;
  }

  failure(outcome: 'unknown' | 'not-executed', message: string): void {
    if (outcome === 'unknown') this.unknown += 1;
    else this.notExecuted += 1;
    this.lastFailure = message;
  }

  /** Pauses are counted from now. */
  start(): void {
    this.#startedAtMs = this.#clock.now();
    this.#lastAnswerAtMs = this.#startedAtMs;
  }

  /** Later pauses do not count. */
  end(): void {
    this.#endedAtMs = this.#clock.now();
  }
}
