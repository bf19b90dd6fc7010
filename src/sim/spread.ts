import type { Random } from '../runtime/random.js';

/** A number between the two, small ones as often as great ones: every order of magnitude alike. */
export const spread = (random: Random, low: number, high: number): number =>
  Math.exp(random.between(Math.log(low), Math.log(high)));
