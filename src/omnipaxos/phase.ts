import type { Ballot } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { AcceptSync, Promised } from './messages.js';

/** Ticks after which a follower takes what has not come for lost. */
export const patienceTicks = 5;

/** How long a leader waits for an answer, in ticks. */
export interface Patience {
  /** How long in all before it asks again; longer each time, since the answer may need a slow disk. */
  readonly waitTicks: number;
  /** How much of that is left. */
  leftTicks: number;
}

const firstWaitTicks = 2;
const longestWaitTicks = 16;

export const firstPatience = (): Patience => ({ waitTicks: firstWaitTicks, leftTicks: firstWaitTicks });

/** The same wait from its beginning. */
export const renewed = ({ waitTicks }: Patience): Patience => ({ waitTicks, leftTicks: waitTicks });

/** The wait after one that was in vain. */
export const longer = ({ waitTicks }: Patience): Patience =>
  renewed({ waitTicks: Math.min(2 * waitTicks, longestWaitTicks), leftTicks: 0 });

/** A replica that is in step with no leader: it waits for a Prepare. */
export interface Recovering {
  readonly kind: 'recovering';
  /** Ticks until it asks for one again. */
  readonly askInTicks: number;
}

/** A replica that has promised and waits for the leader's log. */
export interface AwaitingSync {
  readonly kind: 'promised';
  readonly ballot: Ballot;
  readonly sync: number;
  /** The pages that have come. */
  readonly pages: readonly AcceptSync[];
  /** Ticks until it takes what it waits for as lost. */
  readonly patienceTicks: number;
}

/** A replica whose log is a prefix of its leader's. */
export interface Following {
  readonly kind: 'following';
  readonly ballot: Ballot;
  readonly sync: number;
  /** Of the last numbered message. */
  readonly counter: number;
}

/** A leader that gathers promises. */
export interface Preparing {
  readonly kind: 'preparing';
  readonly ballot: Ballot;
  /** Its own promise is on disk; it speaks of the ballot only then. */
  readonly ownPromised: boolean;
  readonly followers: Map<ReplicaId, Follower>;
}

/** A leader whose log has everything that may have been decided before. */
export interface Leading {
  readonly kind: 'leading';
  readonly ballot: Ballot;
  /** The log that was adopted: the ballot it had been accepted under, and its end. */
  readonly adopted: { readonly accepted: Ballot | undefined; readonly end: Slot };
  readonly followers: Map<ReplicaId, Follower>;
  /** How much of the log each member, this one included, has on disk under this ballot. */
  readonly acceptedEnds: Map<ReplicaId, Slot>;
}

export type Phase = Recovering | AwaitingSync | Following | Preparing | Leading;

/** What a leader knows of one follower. */
export type Follower =
  /** Nothing is sent to it: there is no session, or the own promise is not on disk yet. */
  | { readonly kind: 'unreached' }
  /** It has been sent Prepare; its promise comes in pages. */
  | {
      readonly kind: 'asked';
      readonly sync: number;
      readonly pages: readonly Promised[];
      readonly patience: Patience;
    }
  /** It has promised, and the leader does not lead yet. The last page stands for all. */
  | {
      readonly kind: 'promised';
      readonly sync: number;
      readonly promise: Promised;
      readonly patience: Patience;
      readonly first: Slot;
      readonly values: readonly Uint8Array[];
    }
  /** The log is being sent to it, page after page. */
  | {
      readonly kind: 'syncing';
      readonly sync: number;
      readonly page: number;
      readonly next: Slot;
      readonly patience: Patience;
    }
  | {
      readonly kind: 'in-step';
      readonly sync: number;
      counter: number;
      sentEnd: Slot;
      toldDecidedEnd: Slot;
      patience: Patience;
    }
  /** It pulls a snapshot, and asks for Prepare when it has it. */
  | { readonly kind: 'behind' }
  /** It has promised a higher ballot. */
  | { readonly kind: 'lost'; readonly promised: Ballot };
