import type { Answer, HistoryEntry } from './history.js';

/** An operation with the places of its call and its end among all calls and ends of its key. */
export interface TimedOperation {
  readonly entry: HistoryEntry;
  readonly call: number;
  /** Infinity if its outcome is unknown. */
  readonly end: number;
  /** Undefined if nobody saw it, or not yet. */
  readonly answer: Answer | undefined;
}

interface Moment {
  readonly operation: { call: number; end: number };
  readonly time: number;
  readonly isEnd: boolean;
}

/**
 * The operations in the order of their calls. A call at the instant of an end comes before it, which makes both
 * concurrent: the clock may be too coarse to tell. A Get nobody saw the answer of says nothing and is left out.
 */
export function timedOperations(entries: readonly HistoryEntry[]): TimedOperation[] {
  const moments: Moment[] = [];
  const operations: TimedOperation[] = [];
  for (const entry of entries) {
    if (entry.end.kind === 'unknown' && entry.operation.kind === 'get') continue;
    const answer = entry.end.kind === 'answered' ? entry.end.answer : undefined;
    const operation = { entry, call: 0, end: Infinity, answer };
    operations.push(operation);
    moments.push({ operation, time: entry.calledAt, isEnd: false });
    if (entry.end.kind === 'answered') moments.push({ operation, time: entry.end.at, isEnd: true });
  }
  moments.sort((one, other) => one.time - other.time || Number(one.isEnd) - Number(other.isEnd));
  for (const [place, { operation, isEnd }] of moments.entries()) {
    if (isEnd) operation.end = place;
    else operation.call = place;
  }
  return operations.sort((one, other) => one.call - other.call);
}

/** The operations that were answered, in the order of their answers. */
export const inOrderOfAnswers = (operations: readonly TimedOperation[]): TimedOperation[] =>
  operations.filter(({ end }) => end !== Infinity).sort((one, other) => one.end - other.end);

/**
 * What was known of the operations when one of them had just been answered; the outcome of what was under way is unknown.
 * @param foresight those under way may run only where they give the answer that they are going to give. That is too much to
 * ask, but an order that meets it is one.
 */
export function upToAnswer(
  operations: readonly TimedOperation[],
  last: TimedOperation,
  foresight: boolean,
): TimedOperation[] {
  const known: TimedOperation[] = [];
  for (const operation of operations) {
    if (operation.call > last.end) continue;
    if (operation.end <= last.end) known.push(operation);
    else if (operation.entry.operation.kind !== 'get') {
      known.push({ ...operation, end: Infinity, answer: foresight ? operation.answer : undefined });
    }
  }
  return known;
}
