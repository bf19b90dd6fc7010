import type { HistoryEntry } from '../../src/check/history.js';
import { nextLink } from './fnv-twin.js';

/** What a key holds; undefined if it is missing. */
type Held = string | undefined;

/** The value after the operation, or undefined if a key that holds this cannot have given the answer it had. */
function stepped(held: Held, { operation, end }: HistoryEntry): { readonly held: Held } | undefined {
  const answer = end.kind === 'answered' ? end.answer : undefined;
  switch (operation.kind) {
    case 'get':
      if (answer?.kind !== 'get') return { held };
      return answer.value === (held ?? '') && answer.found === (held !== undefined) ? { held } : undefined;
    case 'put':
      return { held: operation.value };
    case 'append':
      return { held: (held ?? '') + operation.value };
    case 'put-hash':
      if (answer?.kind === 'put-hash' && answer.previousValue !== (held ?? '')) return undefined;
      return { held: nextLink(held ?? '', operation.value) };
  }
}

const endedAt = ({ end }: HistoryEntry): number => (end.kind === 'answered' ? end.at : Infinity);

/** Tries every order of some operations on one key. */
function hasOrder(left: readonly HistoryEntry[], held: Held): boolean {
  if (left.every(({ end }) => end.kind === 'unknown')) return true;
  const firstEnd = Math.min(...left.map(endedAt));
  return left.some((entry) => {
    if (entry.calledAt > firstEnd) return false;
    const after = stepped(held, entry);
    return (
      after !== undefined &&
      hasOrder(
        left.filter((other) => other !== entry),
        after.held,
      )
    );
  });
}

/** A naive twin of the checker; of use for histories of a few operations. */
export const twinFindsOrder = (history: readonly HistoryEntry[]): boolean =>
  [...new Set(history.map(({ operation }) => operation.key))].every((key) =>
    hasOrder(
      history.filter(({ operation }) => operation.key === key),
      undefined,
    ),
  );

/** What a key holds after its operations ran in this order. @throws Error where the order is not legal */
export function heldAfter(order: readonly HistoryEntry[]): Held {
  let held: Held;
  let latestCall = -Infinity;
  for (const [place, entry] of order.entries()) {
    latestCall = Math.max(latestCall, entry.calledAt);
    if (endedAt(entry) < latestCall)
      throw new Error(`place ${place}: it had ended before one ahead of it was called`);
    const after = stepped(held, entry);
    if (after === undefined) throw new Error(`place ${place}: a key that holds "${held}" does not answer so`);
    ({ held } = after);
  }
  return held;
}
