import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of random numbers; the same seed gives the same stream. */
export interface Random {
  /** A whole number from 0 to `bound` − 1. */
  below(bound: number): number;
  /** A number from `low` (included) to `high` (excluded). */
  between(low: number, high: number): number;
  /** `digits` random hexadecimal digits. */
  hex(digits: number): string;
}

/** @param seed any 32-bit whole number. */
export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed);
  const below = (bound: number) => uniformInt(generator, 0, bound - 1);
  return {
    below,
    between: (low, high) => low + uniformFloat64(generator) * (high - low),
    hex: (digits) => Array.from({ length: digits }, () => below(16).toString(16)).join(''),
  };
}
