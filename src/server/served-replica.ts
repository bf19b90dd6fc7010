import type { Request, Result } from '../kv/operation.js';
import type { SnapshotPiece } from './snapshot-transfer.js';
import type { ReplicaStatus } from './status.js';

/** As much of a replica as its clients, its health and its status need, whatever it runs on. */
export interface ServedReplica {
  /** Answers a client. @throws CallError */
  execute(request: Request, signal: AbortSignal): Promise<Result>;
  /** The whole state in pieces, no older than any write answered before this call. @throws LogError */
  save(signal: AbortSignal): AsyncIterable<SnapshotPiece>;
  /** Whether it does its part now. */
  readonly serving: boolean;
  status(): ReplicaStatus;
}
