import { seededRandom, type Random } from '../../src/runtime/random.js';

/** The same items in a random order. */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const keyed = items.map((item) => ({ item, key: random.between(0, 1) }));
  return keyed.sort((left, right) => left.key - right.key).map(({ item }) => item);
}

/** True in half of all cases. */
export const heads = (random: Random): boolean => random.below(2) === 0;

/** A text to store that no other draw is likely to repeat. */
export const randomNumeral = (random: Random): string => String(random.below(2 ** 31));

/**
 * A stream of its own for one of several actors, so that the order in which they come to act does not decide what
 * each of them draws.
 */
export const ownStream = (random: Random): Random => seededRandom(random.below(2 ** 31));
