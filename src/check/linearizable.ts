import { itemAt } from './indexing.js';
import { Budget, type CheckLimits, type Exhausted } from './budget.js';
import { HistoryError, entryProblem, type History, type HistoryEntry } from './history.js';
import { findOrder, likelyOrders, type OrderResult } from './find-order.js';
import { Search } from './search.js';
import { fitsOrder, type RanAt } from './told-order.js';
import { inOrderOfAnswers, timedOperations, upToAnswer, type TimedOperation } from './timed-operations.js';

/** Why no order exists. */
export interface Violation {
  readonly key: string;
  /**
   * The first answer with which no order exists any more; a Get or a PutHash. If `narrowed` is false, the search for it
   * ended before it was found: this answer is one with which no order exists, but an earlier one may be as well.
   */
  readonly culprit: HistoryEntry;
  readonly narrowed: boolean;
  /**
   * Some PutHash got no answer, and not every order was tried in which it leaves by accident the very hash that another
   * PutHash left. Otherwise the proof is complete.
   */
  readonly unlessHashesCollide: boolean;
  /**
   * A legal order, first to last, of every operation on the key that had been answered before `culprit` was, and of those
   * under way that had to run for it. `culprit` itself may be one of these: a PutHash whose effect was seen.
   */
  readonly prefix: readonly HistoryEntry[];
  /** What `culprit` would have found in its place in `prefix`, or else after it; undefined if the key is missing. */
  readonly held: string | undefined;
}

/** How far a check has come that ended early. */
export interface Progress {
  /** The keys whose operations have an order. */
  readonly keysChecked: number;
  readonly keys: number;
  /** Of the key where it ended: the most answered operations that were in an order at once, and how many there are. */
  readonly placed: number;
  readonly answered: number;
}

/** What a history is. `steps` is how many operations were tried in some place. */
export type Verdict =
  | { readonly kind: 'linearizable'; readonly keys: number; readonly steps: number }
  | { readonly kind: 'violated'; readonly violation: Violation; readonly steps: number }
  | {
      readonly kind: 'unknown';
      readonly key: string;
      readonly exhausted: Exhausted;
      readonly progress: Progress;
      readonly steps: number;
    };

interface KeyOperations {
  readonly key: string;
  readonly operations: readonly TimedOperation[];
}

/** What may be spent on a history that is legal only if two hashes are the same by accident. */
const accidentSteps = 100_000;

type Unknown = Extract<Verdict, { kind: 'unknown' }>;

/**
 * Whether the operations could have taken effect one at a time, each at an instant between its call and its answer.
 * Keys do not depend on each other, so each is checked by itself, the one with the fewest operations first. Showing
 * where a violation begins may take the limits once more.
 * @param ranAt in which order the store says that it ran the writes: tried before any other is looked for
 * @throws HistoryError if an entry contradicts itself; RangeError if a limit is no number from 0
 */
export function checkLinearizable(history: History, limits: CheckLimits = {}, ranAt?: RanAt): Verdict {
  const budget = new Budget(limits);
  const byKey = operationsByKey(history);
  let unknown: Unknown | undefined;
  let keysChecked = 0;
  for (const { key, operations } of byKey) {
    if (ranAt !== undefined && fitsOrder(operations, ranAt)) {
      keysChecked += 1;
      continue;
    }
    const result = findOrder(operations, budget, accidentSteps);
    const { steps } = budget;
    switch (result.kind) {
      case 'order':
        keysChecked += 1;
        break;
      case 'no-order':
        return {
          kind: 'violated',
          violation: violationOf(key, operations, new Budget(limits), result),
          steps,
        };
      case 'out-of-budget': {
        const answered = inOrderOfAnswers(operations).length;
        const progress = { keysChecked, keys: byKey.length, placed: result.placed, answered };
        unknown ??= { kind: 'unknown', key, exhausted: result.exhausted, progress, steps };
        budget.afterSearch();
      }
    }
  }
  const { steps } = budget;
  return unknown === undefined
    ? { kind: 'linearizable', keys: byKey.length, steps }
    : { ...unknown, progress: { ...unknown.progress, keysChecked }, steps };
}

function operationsByKey(history: History): KeyOperations[] {
  const entriesOf = new Map<string, HistoryEntry[]>();
  for (const [index, entry] of history.entries()) {
    const problem = entryProblem(entry);
    if (problem !== undefined) throw new HistoryError(`entry ${index + 1}: ${problem}`);
    const { key } = entry.operation;
    const entries = entriesOf.get(key);
    if (entries === undefined) entriesOf.set(key, [entry]);
    else entries.push(entry);
  }
  return [...entriesOf]
    .map(([key, entries]) => ({ key, operations: timedOperations(entries) }))
    .sort((one, other) => one.operations.length - other.operations.length);
}

type NoOrder = Extract<OrderResult, { kind: 'no-order' }>;
type Ordered = Extract<OrderResult, { kind: 'order' }>;

/**
 * Halves the answers until the first is found with which no order exists. If what was known at one time has no order,
 * then nor has what was known later; so there is one first.
 */
function violationOf(
  key: string,
  operations: readonly TimedOperation[],
  budget: Budget,
  whole: NoOrder,
): Violation {
  const answered = inOrderOfAnswers(operations);
  let legal: Ordered = { kind: 'order', order: [], heldAfter: () => undefined };
  let illegal = whole;
  let [legalCount, illegalCount] = [0, answered.length];
  while (illegalCount - legalCount > 1) {
    const count = Math.floor((legalCount + illegalCount) / 2);
    const result = orderUpTo(operations, itemAt(answered, count - 1), budget);
    if (result.kind === 'out-of-budget') break;
    if (result.kind === 'no-order') [illegal, illegalCount] = [result, count];
    else [legal, legalCount] = [result, count];
  }
  const culprit = itemAt(answered, illegalCount - 1).entry;
  const narrowed = illegalCount - legalCount === 1;
  const unlessHashesCollide = whole.unlessHashesCollide || illegal.unlessHashesCollide;
  const place = legal.order.indexOf(culprit);
  const held = legal.heldAfter(place < 0 ? legal.order.length : place);
  return { key, culprit, narrowed, unlessHashesCollide, prefix: legal.order, held };
}

/** Narrowing looks at a dozen histories, and spends as much less on each. */
const narrowingAccidentSteps = 5_000;

/** What may be spent on an order in which all goes on as it did, before any other is looked for. */
const foresightSteps = 200_000;

function orderUpTo(operations: readonly TimedOperation[], last: TimedOperation, budget: Budget): OrderResult {
  const foreseen = new Search(
    upToAnswer(operations, last, true),
    budget.part(foresightSteps),
    likelyOrders,
  ).run();
  if (foreseen.kind === 'order') return foreseen;
  return findOrder(upToAnswer(operations, last, false), budget, narrowingAccidentSteps);
}
