import type { Ballot } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';

/**
 * Asks a peer whether it is there, once a round. A leader adds the last numbered message it has sent on this session, so
 * that a loss is noticed when nothing follows it.
 */
export interface HeartbeatRequest {
  readonly kind: 'heartbeat-request';
  readonly round: number;
  readonly sent: { readonly sync: number; readonly counter: number } | undefined;
}

/** Answers a heartbeat request of the same round. It never says whom the sender follows: that is not to be adopted. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly round: number;
  /** The sender's own ballot; undefined until it has led. */
  readonly ballot: Ballot | undefined;
  /** Whether the sender could lead: it heard a majority in its last round and can vote. */
  readonly candidate: boolean;
  /** Whether the sender heard the leader it follows in its last round. */
  readonly led: boolean;
}

/** Asks for a promise; sent anew, with a higher `sync`, whenever a follower is to be brought in step again. */
export interface Prepare {
  readonly kind: 'prepare';
  readonly ballot: Ballot;
  /** Numbers the leader's Prepares to one follower; echoed until that follower is in step. */
  readonly sync: number;
  /** The ballot under which the leader's own log was last accepted. */
  readonly accepted: Ballot | undefined;
  /** The first slot that the leader does not hold. */
  readonly acceptedEnd: Slot;
  /** The first slot that the leader does not know decided. */
  readonly decidedEnd: Slot;
}

/** Promises to accept nothing under a lower ballot; says how far the sender has come and what the leader lacks. */
export interface Promised {
  readonly kind: 'promise';
  readonly ballot: Ballot;
  readonly sync: number;
  readonly accepted: Ballot | undefined;
  readonly acceptedEnd: Slot;
  readonly decidedEnd: Slot;
  /** The lowest slot that the sender still holds. */
  readonly floor: Slot;
  /** False if damage may have taken entries from the sender's log: it is brought in step, and counted for nothing. */
  readonly counted: boolean;
  /** This page: consecutive values from `first` on. */
  readonly page: number;
  readonly first: Slot;
  readonly values: readonly Uint8Array[];
  readonly last: boolean;
}

/** Brings a follower's log in step with the leader's: whatever it has from the first page's `first` on is replaced. */
export interface AcceptSync {
  readonly kind: 'accept-sync';
  readonly ballot: Ballot;
  readonly sync: number;
  readonly page: number;
  readonly first: Slot;
  readonly values: readonly Uint8Array[];
  /** With the last page the follower takes all of them at once. */
  readonly last: boolean;
  readonly decidedEnd: Slot;
}

/** A page of AcceptSync that is not the last has come; the next may follow. */
export interface PageReceived {
  readonly kind: 'page-received';
  readonly ballot: Ballot;
  readonly sync: number;
  readonly page: number;
}

/** Appends to a follower's log, and tells what is decided. Without values it only tells. */
export interface AcceptDecide {
  readonly kind: 'accept-decide';
  readonly ballot: Ballot;
  readonly sync: number;
  /** Counts from 1 after each AcceptSync, so that a gap shows. */
  readonly counter: number;
  readonly first: Slot;
  readonly values: readonly Uint8Array[];
  readonly decidedEnd: Slot;
}

/** Everything below `acceptedEnd` is on the sender's disk under this ballot. */
export interface Accepted {
  readonly kind: 'accepted';
  readonly ballot: Ballot;
  readonly acceptedEnd: Slot;
}

/** The sender has promised a higher ballot. */
export interface NotAccepted {
  readonly kind: 'not-accepted';
  readonly promised: Ballot;
}

/** Asks a leader for a Prepare: something was missed. Ignored by everybody else. */
export interface PrepareRequest {
  readonly kind: 'prepare-request';
  readonly promised: Ballot | undefined;
}

/** The leader no longer holds what the follower lacks below `floor`: it needs a snapshot, and asks again with it. */
export interface Behind {
  readonly kind: 'behind';
  readonly ballot: Ballot;
  readonly floor: Slot;
}

/** Asks whether the ballot is still the receiver's promise, for reads (rule R7). */
export interface Confirm {
  readonly kind: 'confirm';
  readonly ballot: Ballot;
  readonly number: number;
}

/** When this was sent the ballot was the sender's promise. */
export interface Confirmed {
  readonly kind: 'confirmed';
  readonly ballot: Ballot;
  readonly number: number;
}

/** What the replication of the log says. */
export type SequencePaxosMessage =
  | Prepare
  | Promised
  | AcceptSync
  | PageReceived
  | AcceptDecide
  | Accepted
  | NotAccepted
  | PrepareRequest
  | Behind
  | Confirm
  | Confirmed;

/** What replicas of this engine say to each other. */
export type Message = HeartbeatRequest | Heartbeat | SequencePaxosMessage;

export interface Addressed {
  readonly kind: 'send';
  readonly to: ReplicaId;
  readonly message: Message;
}

/** What a replica tells itself once its records are on disk: it counts its own promise and votes only then (rule R2). */
export type Synced =
  | { readonly kind: 'own-promise'; readonly ballot: Ballot }
  | { readonly kind: 'own-accepted'; readonly ballot: Ballot; readonly acceptedEnd: Slot };

/** What a step gives out. */
export type Outgoing = Addressed | Synced;

/** What must be on disk. */
export type OmnipaxosRecord =
  | { readonly kind: 'promise'; readonly ballot: Ballot }
  /** Everything from `from` on goes, and what follows is accepted under `ballot`. */
  | { readonly kind: 'truncate'; readonly from: Slot; readonly ballot: Ballot }
  | { readonly kind: 'entry'; readonly slot: Slot; readonly ballot: Ballot; readonly value: Uint8Array }
  | { readonly kind: 'decided'; readonly decidedEnd: Slot }
  /** The log as it is was last accepted under `ballot`; said again before the segments that said it go. */
  | { readonly kind: 'accepted-under'; readonly ballot: Ballot }
  | { readonly kind: 'floor'; readonly floor: Slot };
