import { none } from './operation-list.js';
import type { TimedOperation } from './timed-operations.js';

/** For each operation of unknown outcome the last before it that is of the same kind and value and unknown too. */
export function twinsAmong(operations: readonly TimedOperation[]): number[] {
  const last = new Map<string, number>();
  return operations.map(({ entry: { operation }, end }, number) => {
    if (end !== Infinity || operation.kind === 'get') return none;
    const name = `${operation.kind} ${operation.value}`;
    const twin = last.get(name) ?? none;
    last.set(name, number);
    return twin;
  });
}
