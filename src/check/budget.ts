import type { Clock } from '../runtime/clock.js';

/** What a check may take. */
export interface CheckLimits {
  /** How many operations may be tried in some place of an order; default 10,000,000. */
  readonly stepLimit?: number;
  /** For what has been tried already; default 512 MiB. Looked at every 1,024 steps, so a little more may be taken. */
  readonly memoryLimitBytes?: number;
  /** No limit by default. Looked at every 1,024 steps. */
  readonly time?: { readonly clock: Pick<Clock, 'now'>; readonly limitMs: number };
}

/** Which limit ended a check. */
export type Exhausted = 'steps' | 'memory' | 'time';

const defaultStepLimit = 10_000_000;
const defaultMemoryLimitBytes = 512 * 1024 * 1024;
const stepsBetweenLooks = 1024;

/** What is left of the limits. */
export class Budget {
  readonly #limits: CheckLimits;
  readonly #deadlineMs: number;
  readonly #whole: Budget | undefined;
  readonly #stepLimit: number;
  #steps = 0;
  #exhausted: Exhausted | undefined;

  /** @throws RangeError if a limit is no number from 0 */
  constructor(limits: CheckLimits, whole?: Budget) {
    const { stepLimit = defaultStepLimit, memoryLimitBytes = defaultMemoryLimitBytes, time } = limits;
    for (const [name, limit] of Object.entries({
      stepLimit,
      memoryLimitBytes,
      limitMs: time?.limitMs ?? 0,
    })) {
      if (!(limit >= 0)) throw new RangeError(`${name} is ${limit}; it must be a number from 0`);
    }
    this.#limits = limits;
    this.#stepLimit = stepLimit;
    this.#whole = whole;
    this.#deadlineMs = whole?.deadlineMs ?? (time === undefined ? Infinity : time.clock.now() + time.limitMs);
  }

  get steps(): number {
    return this.#steps;
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  get exhausted(): Exhausted | undefined {
    return this.#exhausted;
  }

  /** Takes one step. */
  spend(used: { readonly bytes: number }): void {
    this.#steps += 1;
    if (this.#whole !== undefined) this.#whole.#steps += 1;
    if (this.#steps > this.#stepLimit) this.#exhausted = 'steps';
    else if (this.#steps % stepsBetweenLooks === 1) this.#look(used.bytes);
  }

  /** At most so many steps, taken out of this. */
  part(stepLimit: number): Budget {
    return new Budget(
      { ...this.#limits, stepLimit: Math.min(stepLimit, Math.max(0, this.#stepLimit - this.#steps)) },
      this,
    );
  }

  /** Memory is freed with each search; steps and time are gone. */
  afterSearch(): void {
    if (this.#exhausted === 'memory') this.#exhausted = undefined;
  }

  #look(bytes: number): void {
    const { memoryLimitBytes = defaultMemoryLimitBytes, time } = this.#limits;
    if (bytes > memoryLimitBytes) this.#exhausted = 'memory';
    else if (time !== undefined && time.clock.now() >= this.#deadlineMs) this.#exhausted = 'time';
  }
}
