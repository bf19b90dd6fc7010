declare const brand: unique symbol;

/** Names one member of the cluster. Whole, positive, and not assumed dense. */
export type ReplicaId = number & { readonly [brand]: 'ReplicaId' };

/** Names one process of a replica; the directory's id once a replica keeps a disk (rule R1). */
export type Incarnation = string & { readonly [brand]: 'Incarnation' };

/** A position in the log, from 0. Plain, because slots are counted with. */
export type Slot = number;

const isReplicaId = (value: number): value is ReplicaId => Number.isSafeInteger(value) && value > 0;
const isIncarnation = (value: string): value is Incarnation => value.length > 0 && value.length <= 64;

/** @throws RangeError if `value` is not a whole number from 1. */
export function replicaId(value: number): ReplicaId {
  if (!isReplicaId(value)) throw new RangeError(`replica id ${value} is not a whole number from 1`);
  return value;
}

/** @throws RangeError if `value` is empty or longer than 64 characters. */
export function incarnation(value: string): Incarnation {
  if (!isIncarnation(value)) throw new RangeError(`incarnation "${value}" is not of 1 to 64 characters`);
  return value;
}

/** The smallest number of members that any two such sets share a member of. */
export const majorityOf = (memberCount: number): number => Math.floor(memberCount / 2) + 1;
