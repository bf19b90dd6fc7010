import type { Enveloped } from '../log/header.js';
import type { Slot } from '../log/ids.js';
import type { Call } from '../rpc/link.js';
import type { Ballot } from '../log/ballot.js';

/** The value an acceptor voted for last, and the ballot it did so under. */
export interface Vote {
  readonly ballot: Ballot;
  readonly value: Uint8Array;
}

export interface Prepare {
  readonly slot: Slot;
  readonly ballot: Ballot;
}

export interface Accept {
  readonly slot: Slot;
  readonly ballot: Ballot;
  readonly value: Uint8Array;
}

export interface Decide {
  readonly slot: Slot;
  readonly value: Uint8Array;
}

/** Asks for slots `firstSlot` to `lastSlot`, both included. */
export interface Learn {
  readonly firstSlot: Slot;
  readonly lastSlot: Slot;
}

/** The acceptor promised a higher ballot, given back so that the proposer need not guess (seed 002, hint 12). */
export interface Reject {
  readonly kind: 'reject';
  readonly highestPromised: Ballot;
}

export interface Decided {
  readonly kind: 'decided';
  readonly value: Uint8Array;
}

/** The slot is forgotten here: neither a promise nor a rejection, and counted for nothing (rule R3). */
export interface Behind {
  readonly kind: 'behind';
  readonly floor: Slot;
}

/**
 * No answer of an acceptor, and counted for nothing: the disk is full (rule R15), or the replica may not vote on this
 * slot now (rules R6, R11).
 */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: 'no-space' | 'not-voting';
}

export type PrepareReply =
  { readonly kind: 'promise'; readonly vote: Vote | undefined } | Reject | Decided | Behind | Refused;
export type AcceptReply = { readonly kind: 'accept-ok' } | Reject | Decided | Behind | Refused;
export type DecideReply = { readonly kind: 'decide-ok' } | Behind;

/** Decided slots in order, as many as fit a page, and the floor if the range began below it. */
export interface LearnReply {
  readonly decided: readonly Decide[];
  readonly behind: Behind | undefined;
}

/** The highest slot voted for or known decided, at least the last one below the floor; undefined before any (rule R7). */
export interface ReachReply {
  readonly reach: Slot | undefined;
}

/** The way to one peer. A call that rejects is a message lost, or its answer. */
export interface PaxosLink {
  readonly prepare: Call<Enveloped<Prepare>, Enveloped<PrepareReply>>;
  readonly accept: Call<Enveloped<Accept>, Enveloped<AcceptReply>>;
  readonly decide: Call<Enveloped<Decide>, Enveloped<DecideReply>>;
  readonly learn: Call<Enveloped<Learn>, Enveloped<LearnReply>>;
  readonly reach: Call<Enveloped<undefined>, Enveloped<ReachReply>>;
}

/** What is written down: before an answer that rests on it leaves (rule R2), or when there is time. */
export type PaxosRecord =
  | { readonly kind: 'promise'; readonly slot: Slot; readonly ballot: Ballot }
  | { readonly kind: 'vote'; readonly slot: Slot; readonly vote: Vote }
  | { readonly kind: 'decided'; readonly slot: Slot; readonly value: Uint8Array }
  /** Decided with the value of one's own vote under this ballot, which is not written twice. */
  | { readonly kind: 'decided-vote'; readonly slot: Slot; readonly ballot: Ballot }
  | { readonly kind: 'round'; readonly round: number }
  | { readonly kind: 'floor'; readonly floor: Slot };

/** Slots `first` to `last`, both included. */
export interface SlotRange {
  readonly first: Slot;
  readonly last: Slot;
}
