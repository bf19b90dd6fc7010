import type { Incarnation, ReplicaId, Slot } from '../log/ids.js';
import type { LogStatus } from '../log/replicated-log.js';
import type { RefusalCause } from '../log/roster.js';

export interface PeerStatus {
  readonly id: ReplicaId;
  readonly address: string;
  readonly incarnation: Incarnation | undefined;
  readonly doneThrough: Slot | undefined;
  readonly reach: Slot | undefined;
  readonly applied: Slot | undefined;
  /** Undefined for the replica itself and for a peer that was never heard. */
  readonly lastHeardMsAgo: number | undefined;
  readonly refusal: string;
}

/** Everything a person or a dashboard may want to know of one replica; from local state alone. */
export interface ReplicaStatus {
  readonly id: ReplicaId;
  readonly address: string;
  readonly engine: string;
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  readonly serving: boolean;
  readonly log: LogStatus;
  readonly openSessions: number;
  readonly repliesBytes: number;
  readonly nextClientId: number;
  readonly keyCount: number;
  readonly stateVersion: number;
  readonly peers: readonly PeerStatus[];
  readonly refusals: ReadonlyMap<RefusalCause, number>;
}
