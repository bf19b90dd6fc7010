import type { Budget } from './budget.js';
import { allOrders, Search, type SearchResult, type SearchRules } from './search.js';
import type { TimedOperation } from './timed-operations.js';

/** `unlessHashesCollide`: the proof that there is no order rests on two hashes not being the same by accident. */
export type OrderResult =
  | Exclude<SearchResult, { kind: 'no-order' }>
  | { readonly kind: 'no-order'; readonly unlessHashesCollide: boolean };

/** Orders without an accident, in which somebody sees what each PutHash left. */
export const likelyOrders: SearchRules = { hashesCollide: false, hashesInARow: 1 };

/** The last leaves out only what needs an accident. */
const quickRules: readonly SearchRules[] = [
  likelyOrders,
  { hashesCollide: false, hashesInARow: 2 },
  { hashesCollide: false, hashesInARow: 3 },
  { hashesCollide: false, hashesInARow: Infinity },
];

/**
 * Looks for an order of the operations on one key. PutHashes nobody saw the answer of may each leave a new value wherever
 * they run; what is likely is tried first, for an order that is found counts however it was found.
 * @param accidentSteps what may be spent on orders that need two hashes to be the same by accident
 */
export function findOrder(
  operations: readonly TimedOperation[],
  budget: Budget,
  accidentSteps: number,
): OrderResult {
  const withUnknownHash = operations.some(isUnknownHash);
  if (withUnknownHash) {
    const without = orderWithoutUnknownHashes(operations, budget);
    if (without !== undefined) return without;
    for (const rules of quickRules) {
      const result = new Search(operations, budget, rules).run();
      if (result.kind !== 'no-order') return result;
    }
  }
  const part = withUnknownHash ? budget.part(accidentSteps) : budget;
  const result = new Search(operations, part, allOrders).run();
  if (result.kind === 'no-order') return { kind: 'no-order', unlessHashesCollide: false };
  if (result.kind === 'out-of-budget' && withUnknownHash)
    return { kind: 'no-order', unlessHashesCollide: true };
  return result;
}

/** What the attempt to do without may cost; after it comes what may find an order all the same. */
const stepsWithoutUnknownHashes = 200_000;

/**
 * An order in which none of the PutHashes that nobody saw the answer of took effect, as may be. Most often there is one, and
 * it is found in few steps where leaving each of them in at every place would take very many.
 */
function orderWithoutUnknownHashes(
  operations: readonly TimedOperation[],
  budget: Budget,
): OrderResult | undefined {
  const others = operations.filter((operation) => !isUnknownHash(operation));
  const result = new Search(others, budget.part(stepsWithoutUnknownHashes), allOrders).run();
  return result.kind === 'order' ? result : undefined;
}

const isUnknownHash = ({ entry, answer }: TimedOperation): boolean =>
  entry.operation.kind === 'put-hash' && answer === undefined;
