import type { Incarnation, ReplicaId } from './ids.js';

/**
 * The value of one slot. Origin, incarnation and number are its identity (rule R9): a waiter is matched by
 * them, never by the slot or by equal bytes. Without commands it is a no-op.
 */
export interface Batch {
  readonly origin: ReplicaId;
  readonly incarnation: Incarnation;
  readonly number: number;
  readonly commands: readonly Uint8Array[];
}

export const sameIdentity = (left: Batch, right: Batch): boolean =>
  left.origin === right.origin && left.incarnation === right.incarnation && left.number === right.number;
