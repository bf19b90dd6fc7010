import type { ReplicaId, Slot } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import type { VotingGate } from '../log/voting-gate.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Journal } from '../storage/journal.js';
import type { Trace } from '../log/trace.js';
import type { PaxosLink, PaxosRecord } from './messages.js';
import type { RecoveredPaxos } from './recovery.js';

/** What a peer knows of one instance. */
export type InstanceStatus =
  | { readonly kind: 'decided'; readonly value: Uint8Array }
  | { readonly kind: 'pending' }
  | { readonly kind: 'forgotten' };

/** Told of a peer that has forgotten a slot which is still wanted here: its floor is `floor`. */
export type BehindListener = (peer: ReplicaId, slot: Slot, floor: Slot) => void;

export interface PaxosPeerOptions {
  readonly roster: Roster;
  /** A way to each other member. */
  readonly links: ReadonlyMap<ReplicaId, PaxosLink>;
  readonly journal: Journal<PaxosRecord>;
  /** Default: open, as for the bare library, whose caller answers for what the gate guards. */
  readonly gate?: VotingGate;
  /** What an earlier process of this replica left in the journal; default: nothing. */
  readonly recovered?: RecoveredPaxos;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an unanswered message is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
  readonly behind?: BehindListener;
  readonly trace?: Trace;
  /** Told of a broken invariant or a failed journal, after which this peer is closed; default: throw it unhandled. */
  readonly fatal?: (error: unknown) => void;
}
