import type { Random } from '../runtime/random.js';

const firstBackoffMs = 20;
const backoffLimitMs = 500;

/**
 * Milliseconds to wait after the `round`th round, from 1, in which nobody took a call: doubling, up to a limit, and drawn
 * from the upper half, so that clerks that failed together do not come back together.
 */
export const backoffMs = (round: number, random: Random): number =>
  random.between(0.5, 1) * Math.min(firstBackoffMs * 2 ** (round - 1), backoffLimitMs);

/** Milliseconds to stay away from a replica that asked for `ms` of them: no less, and not all clerks the same. */
export const retryAfterMs = (ms: number, random: Random): number => ms * random.between(1, 1.5);
