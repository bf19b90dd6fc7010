import type { Enveloped } from '../log/header.js';
import type { Slot } from '../log/ids.js';
import type { Chunk } from '../log/snapshot-chunks.js';
import type { StreamCall } from '../rpc/link.js';

/** Asks for a snapshot, or for the rest of one whose transfer broke. */
export interface PullRequest {
  /** The slot of the snapshot that was begun; undefined asks for a new one. */
  readonly through: Slot | undefined;
  /** The first piece that is missing. */
  readonly firstChunk: number;
}

/** One piece of a snapshot through one slot. */
export interface SnapshotPiece {
  readonly through: Slot;
  readonly chunk: Chunk;
}

export interface SnapshotLink {
  readonly pullSnapshot: StreamCall<Enveloped<PullRequest>, Enveloped<SnapshotPiece>>;
}
