import type { Budget } from './budget.js';
import { allOrders, Search, type SearchResult, type SearchRules } from './search.js';
import type { TimedOperation } from './timed-operations.js';

/** `unlessHashesCollide`: the proof that there is no order rests on two hashes not being the same by accident. */
export type OrderResult =
  | Exclude<SearchResult, { kind: 'no-order' }>
  | { readonly kind: 'no-order'; readonly unlessHashesCollide: boolean };

/** Orders without an accident, in which somebody sees what each PutHash left. */
export const likelyOrders: SearchRules = { hashesCollide: false, hashesInARow: 1, unseenTogether: true };

/** All orders, where no PutHash without an answer can have hashed what no answer shows. */
const allOrdersOfAnswers: SearchRules = { ...allOrders, unseenTogether: true };

/** The last leaves out only what needs an accident. */
const quickRules: readonly SearchRules[] = [1, 2, 3, Infinity].map((hashesInARow) => ({
  hashesCollide: false,
  hashesInARow,
  unseenTogether: false,
}));

/** What each attempt may cost that leaves out orders for no better reason than that most often there is another one. */
const stepsOfAnAttempt = 200_000;

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
  if (!operations.some(isUnknownHash))
    return proven(new Search(operations, budget, allOrdersOfAnswers).run());
  const attempt = attemptedOrder(operations, budget);
  if (attempt !== undefined) return attempt;
  for (const rules of quickRules) {
    const result = new Search(operations, budget, rules).run();
    if (result.kind !== 'no-order') return result;
  }
  const result = new Search(operations, budget.part(accidentSteps), allOrders).run();
  return result.kind === 'out-of-budget' ? { kind: 'no-order', unlessHashesCollide: true } : proven(result);
}

/** What a search says that has left nothing out. */
const proven = (result: SearchResult): OrderResult =>
  result.kind === 'no-order' ? { kind: 'no-order', unlessHashesCollide: false } : result;

/**
 * An order in which none of the PutHashes that nobody saw the answer of took effect, or each was seen and hashed nothing that
 * no answer shows. Most often there is one, and it is found in few steps where leaving each of them in at every place
 * would take very many.
 */
function attemptedOrder(operations: readonly TimedOperation[], budget: Budget): OrderResult | undefined {
  const others = operations.filter((operation) => !isUnknownHash(operation));
  const attempts = [
    () => new Search(others, budget.part(stepsOfAnAttempt), allOrdersOfAnswers).run(),
    () => new Search(operations, budget.part(stepsOfAnAttempt), likelyOrders).run(),
  ];
  for (const attempt of attempts) {
    const result = attempt();
    if (result.kind === 'order') return result;
  }
  return undefined;
}

const isUnknownHash = ({ entry, answer }: TimedOperation): boolean =>
  entry.operation.kind === 'put-hash' && answer === undefined;
