import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';

export interface PaceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls a second, over all who wait for their turn. */
  readonly ratePerSecond: number;
  /** How many turns may come at once. */
  readonly largestBurst: number;
}

/**
 * Says when to call. Turns come in bursts of random size, so that calls meet at a low rate as well; a rate that was not
 * kept is not made up for.
 */
export class Pace {
  readonly #options: PaceOptions;
  #burstAtMs = -Infinity;
  #burstSize = 0;
  #left = 0;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Resolves when it is the caller's turn, or when `signal` aborts. */
  async turn(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (this.#left === 0) this.#nextBurst();
    this.#left -= 1;
    const waitMs = this.#burstAtMs - clock.now();
    if (waitMs > 0) await clock.sleep(waitMs, signal);
  }

  #nextBurst(): void {
    const { clock, random, ratePerSecond, largestBurst } = this.#options;
    const dueAtMs = this.#burstAtMs + (this.#burstSize * 1000) / ratePerSecond;
    this.#burstAtMs = Math.max(clock.now(), dueAtMs);
    this.#burstSize = 1 + random.below(largestBurst);
    this.#left = this.#burstSize;
  }
}
