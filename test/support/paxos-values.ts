import fc from 'fast-check';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { Ballot } from '../../src/log/ballot.js';

/** Values stand for themselves in these tests: their text is all there is to them. */
export const valueOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (value: Uint8Array): string => new TextDecoder().decode(value);

export const ballotOf = (round: number, replica: number): Ballot => ({ round, replica: replicaId(replica) });

/** Few enough to collide often. */
export const ballots: fc.Arbitrary<Ballot> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }))
  .map(([round, replica]) => ballotOf(round, replica));

/** The order of ballots, written down once more: by round, then by replica. */
export const isLower = (left: Ballot, right: Ballot): boolean =>
  left.round < right.round || (left.round === right.round && left.replica < right.replica);

/** The highest of several by their ballots, found the slow way. */
export const highest = <Item extends { readonly ballot: Ballot }>(items: readonly Item[]): Item | undefined =>
  items.find((item) => items.every((other) => !isLower(item.ballot, other.ballot)));

export const replicas = (count: number): ReplicaId[] =>
  Array.from({ length: count }, (_, index) => replicaId(index + 1));
