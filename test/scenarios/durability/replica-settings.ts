import type { MemberOption, StartReplicaOptions } from '../../../src/index.js';
import type { Point } from './points.js';
import type { SyncKind } from './without-sync.js';

/** What a replica's process is started with, as JSON in its only argument. */
export interface ReplicaSettings {
  readonly id: number;
  readonly peers: readonly MemberOption[];
  readonly dataDirectory: string;
  /** Where it counts the points it passes. */
  readonly countsFile: string;
  readonly options: TunedOptions;
  /** Write through only what is synced: then kill -9 does what a power cut does. */
  readonly syncedOnly: boolean;
  /** Leave out the syncs of one kind, which must not go unnoticed. */
  readonly withoutSync?: SyncKind;
  /** How late every sync of a file begins; 0 is none. */
  readonly syncDelayMs: number;
  /** Kill the process itself as it passes a point for the `count`-th time. */
  readonly killAt?: KillAt;
}

/** Options of `startReplica` that tests choose. */
export interface TunedOptions extends Pick<StartReplicaOptions, 'engine'> {
  readonly helloIntervalMs?: number;
  readonly logLimitSlots?: number;
  readonly logLimitBytes?: number;
  readonly segmentBytes?: number;
}

export interface KillAt {
  readonly point: Point;
  readonly count: number;
}
