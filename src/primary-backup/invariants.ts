import type { Slot } from '../log/ids.js';
import { InvariantViolation } from '../log/invariant-violation.js';

/** A backup in step gets every slot in order; one that came before may come again. */
export function checkForwarded(applied: Slot | undefined, slot: Slot): void {
  const next = (applied ?? -1) + 1;
  if (slot <= next) return;
  throw new InvariantViolation(
    `the primary forwards slot ${slot} to its backup, which has yet to see slot ${next}`,
  );
}

/** The primary's order has no holes, and its backup is never more than one slot ahead of it. */
export function checkForwarding(applied: Slot | undefined, slot: Slot): void {
  const next = (applied ?? -1) + 1;
  if (slot === next) return;
  throw new InvariantViolation(`the primary settles slot ${slot} while slot ${next} is its next`);
}
