import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from './random.js';

/**
 * The operating system's randomness. Incarnations are drawn from it, so two processes never share one: a
 * 32-bit seed would not do.
 */
export const realRandom: Random = {
  below: (bound) => randomInt(bound),
  between: (low, high) => low + (randomInt(2 ** 32) / 2 ** 32) * (high - low),
  hex: (digits) =>
    randomBytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits),
};
