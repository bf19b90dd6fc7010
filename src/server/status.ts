import type { Incarnation, ReplicaId, Slot } from '../log/ids.js';
import type { LogStatus } from '../log/replicated-log.js';
import type { RefusalCause } from '../log/roster.js';
import type { AnyEngineName, LeaderStatus } from './engine.js';

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
  /** 0 for a server without one: primary/backup needs none. */
  readonly id: number;
  readonly address: string;
  readonly engine: AnyEngineName;
  /** With primary/backup, the incarnation of the view service; empty before the first view. */
  readonly clusterId: string;
  readonly incarnation: string;
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
  /** Undefined for an engine without a view service. */
  readonly view: ViewStatus | undefined;
}

/** What a server of primary/backup goes by. */
export interface ViewStatus {
  /** Where the view service is. */
  readonly viewService: string;
  /** 0 before the first. */
  readonly viewNumber: number;
  readonly primary: string | undefined;
  readonly backup: string | undefined;
  readonly isAcknowledged: boolean;
  /** What the server does in the view. */
  readonly role: string;
}
