/** What `status --json` prints for each endpoint. Slots are null before there is one. */
export type EndpointStatus = ReachableStatus | UnreachableStatus;

export interface ReachableStatus extends ReplicaReport {
  readonly endpoint: string;
  readonly reachable: true;
}

export interface UnreachableStatus {
  readonly endpoint: string;
  readonly reachable: false;
  readonly problem: string;
}

export interface ReplicaReport {
  /** 0 for one without: primary/backup needs none. */
  readonly id: number;
  /** Where its peers reach it. */
  readonly address: string;
  /** Whether it has just heard from a majority. */
  readonly serving: boolean;
  readonly engine: string;
  readonly clusterId: string;
  readonly incarnation: string;
  readonly version: string;
  readonly min: number;
  readonly max: number | null;
  readonly applied: number | null;
  readonly floor: number;
  /** Instances in memory. */
  readonly held: number;
  /** Sessions that are open. */
  readonly sessions: number;
  readonly repliesBytes: number;
  readonly nextClientId: number;
  readonly queuedCommands: number;
  readonly queuedBytes: number;
  readonly keys: number;
  readonly stateVersion: number;
  /** All members, the replica itself included. */
  readonly peers: readonly PeerReport[];
  /** Messages of peers that were not processed, by cause. */
  readonly refusals: RefusalReport;
  /** Null in memory. */
  readonly storage: StorageReport | null;
  /** The last checkpoint whose digest a majority shares; null before the first. */
  readonly agreedCheckpoint: CheckpointReport | null;
  /** What keeps the replica from taking its full part; empty if nothing does. */
  readonly trouble: string;
  /** Null for an engine without leaders. */
  readonly leader: LeaderReport | null;
  /** Null for an engine without a view service. */
  readonly view: ServerViewReport | null;
  /** Of the state after the slot applied last; hexadecimal. */
  readonly digest: string;
}

export interface LeaderReport {
  /** Whom the replica takes for the leader, perhaps itself; null if it knows none. */
  readonly id: number | null;
  /** The ballot it leads with, as "round.replica". */
  readonly ballot: string;
  /** What the replica does under it. */
  readonly phase: string;
  /** Heartbeats that came after their round, since the start. */
  readonly lateHeartbeats: number;
  /** The longest that the process came too late to a timer. */
  readonly longestStallMs: number;
}

/** What a server of primary/backup goes by. */
export interface ServerViewReport {
  /** Where the view service is. */
  readonly viewService: string;
  /** 0 before the first view. */
  readonly viewNumber: number;
  /** Null before the first view. */
  readonly primary: string | null;
  /** Null while there is none. */
  readonly backup: string | null;
  /** Whether the primary has acknowledged the view, as far as the server has heard. */
  readonly acknowledged: boolean;
  /** What the server does in the view. */
  readonly role: string;
}

export interface StorageReport {
  /** How often the directory has been started. */
  readonly bootCounter: number;
  /** The end of the synced log. */
  readonly durableLsn: number;
  readonly logBytes: number;
  /** The last slot that the newest durable snapshot covers; null without one. */
  readonly snapshotThrough: number | null;
  readonly snapshotBytes: number;
  /** False while the disk is full. */
  readonly hasSpace: boolean;
}

export interface CheckpointReport {
  readonly slot: number;
  /** Hexadecimal. */
  readonly digest: string;
}

export interface PeerReport {
  readonly id: number;
  readonly address: string;
  /** Null until it was heard. */
  readonly incarnation: string | null;
  readonly doneThrough: number | null;
  readonly reach: number | null;
  readonly applied: number | null;
  /** Null for the replica itself and until it was heard. */
  readonly lastHeardMsAgo: number | null;
  /** Why the last message of or to it was refused; empty if none was. */
  readonly refusal: string;
}

export interface RefusalReport {
  readonly garbled: number;
  readonly wrongCluster: number;
  readonly wrongReceiver: number;
  readonly unknownSender: number;
  readonly changedIncarnation: number;
  readonly differentIdentity: number;
}
