import type { History } from '../../src/check/history.js';
import { checkLinearizable, type Violation } from '../../src/check/linearizable.js';

/** @throws Error if the history has another verdict */
export function violationIn(history: History): Violation {
  const verdict = checkLinearizable(history);
  if (verdict.kind !== 'violated') throw new Error(`the history is ${verdict.kind}`);
  return verdict.violation;
}
