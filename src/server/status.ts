import type { Incarnation, ReplicaId, Slot } from '../log/ids.js';
import type { LogStatus } from '../log/replicated-log.js';
import type { RefusalCause } from '../log/roster.js';
import type { EngineName, LeaderStatus } from './engine.js';

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

/** What a replica has on disk. */
export interface StorageStatus {
  /** How often the directory has been started. */
  readonly bootCounter: number;
  /** The end of the synced log. */
  readonly durableLsn: number;
  /** What the log's segments take on disk. */
  readonly logBytes: number;
  /** The last slot of the newest durable snapshot. */
  readonly snapshotThrough: Slot | undefined;
  readonly snapshotBytes: number;
  /** False while the disk is full. */
  readonly hasSpace: boolean;
}

/** Everything a person or a dashboard may want to know of one replica; from local state alone. */
export interface ReplicaStatus {
  readonly id: ReplicaId;
  readonly address: string;
  readonly engine: EngineName;
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  readonly serving: boolean;
  readonly log: LogStatus;
  /** Undefined if the engine has no leaders. */
  readonly leader: LeaderStatus | undefined;
  readonly openSessions: number;
  readonly repliesBytes: number;
  readonly nextClientId: number;
  readonly keyCount: number;
  readonly stateVersion: number;
  readonly peers: readonly PeerStatus[];
  readonly refusals: ReadonlyMap<RefusalCause, number>;
  /** Undefined in memory. */
  readonly storage: StorageStatus | undefined;
  /** The last checkpoint whose digest a majority shares, in hexadecimal (rule R13). */
  readonly agreedCheckpoint: { readonly slot: Slot; readonly digest: string } | undefined;
  /** What keeps this replica from taking its full part, in words; empty if nothing does. */
  readonly trouble: string;
  /** Of the state after the slot applied last; hexadecimal. */
  readonly digest: string;
}
