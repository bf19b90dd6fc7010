import type { Clock, Timer } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';

export interface TickTimerOptions {
  readonly clock: Clock;
  /** Decides when the first tick comes, so that replicas that start together do not tick together. */
  readonly random: Random;
  readonly intervalMs: number;
  readonly tick: () => void;
}

/** Ticks that come too late are left out at most so many times in a row. */
const leftOutLimit = 2;

/**
 * Ticks at a fixed interval, and notices when this process did not get to it in time. A process that was kept from running
 * has not heard what came meanwhile, and must not miss anybody for that: such a tick is left out.
 */
export class TickTimer {
  readonly #options: TickTimerOptions;
  #timer: Timer | undefined;
  #longestStallMs = 0;
  #leftOut = 0;
  #closed = false;

  constructor(options: TickTimerOptions) {
    this.#options = options;
  }

  /** The most that a tick has come too late. */
  get longestStallMs(): number {
    return this.#longestStallMs;
  }

  start(): void {
    const { random, intervalMs } = this.#options;
    this.#tickIn(random.between(0, 1) * intervalMs);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #tickIn(ms: number): void {
    if (this.#closed) return;
    const { clock, intervalMs, tick } = this.#options;
    const dueMs = clock.now() + ms;
    this.#timer = clock.timer(ms, () => {
      const stallMs = clock.now() - dueMs;
      this.#longestStallMs = Math.max(this.#longestStallMs, stallMs);
      // What has arrived while this process was busy is heard before anybody is missed.
      this.#timer = clock.timer(0, () => {
        const isTooLate = stallMs > intervalMs / 2 && this.#leftOut < leftOutLimit;
        this.#leftOut = isTooLate ? this.#leftOut + 1 : 0;
        this.#tickIn(isTooLate ? intervalMs : Math.max(0, intervalMs - stallMs));
        if (!isTooLate) tick();
      });
    });
  }
}
