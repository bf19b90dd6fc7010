import type { ReplicaId } from './ids.js';

/** A proposal number: unique to its proposer and ordered by round, then by replica. */
export interface Ballot {
  readonly round: number;
  readonly replica: ReplicaId;
}

/** Negative, zero or positive as `left` is below, equal to or above `right`; undefined is below every ballot. */
export const compareBallots = (left: Ballot | undefined, right: Ballot | undefined): number =>
  (left?.round ?? 0) - (right?.round ?? 0) || (left?.replica ?? 0) - (right?.replica ?? 0);

export const formatBallot = (ballot: Ballot | undefined): string =>
  ballot === undefined ? '' : `${ballot.round}.${ballot.replica}`;
