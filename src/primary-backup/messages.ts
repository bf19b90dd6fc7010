import type { Slot } from '../log/ids.js';
import type { Chunk } from '../log/snapshot-chunks.js';
import type { Call, StreamCall } from '../rpc/link.js';
import type { ServerAddress, ViewServiceIncarnation } from './names.js';
import type { Ping, View } from './view.js';

/** A ping as a server sends it. */
export interface ServerPing extends Ping {
  /** The view service whose views the server knows. */
  readonly viewService: ViewServiceIncarnation | undefined;
}

/** What the view service answers. */
export interface ViewNews {
  readonly view: View;
  readonly isAcknowledged: boolean;
  /** Whether the backup has said that it has the whole state. */
  readonly isBackupReady: boolean;
  readonly viewService: ViewServiceIncarnation;
  /** What keeps the views from going on, in words; empty if nothing does. */
  readonly trouble: string;
}

/** By which view a server speaks to another. */
export interface Standing {
  readonly viewService: ViewServiceIncarnation;
  readonly viewNumber: number;
  readonly sender: ServerAddress;
}

/** What the primary is about to do. Without commands it is a read, which takes no slot. */
export interface Forward {
  readonly standing: Standing;
  readonly slot: Slot;
  readonly commands: readonly Uint8Array[];
  /** Of the transfer that the backup must have its state from; 0 before any. */
  readonly transfer: number;
}

export type ForwardAnswer =
  | { readonly kind: 'acknowledged' }
  /** It has not the whole state, or does not know the view yet. */
  | { readonly kind: 'not-ready' }
  /** It knows a later view, or another view service. */
  | { readonly kind: 'stale'; readonly viewNumber: number };

/** One piece of the primary's state. */
export interface StatePiece {
  readonly chunk: Chunk;
  /** Counts the transfers of one primary, from 1. */
  readonly transfer: number;
}

/** The way to the view service. */
export interface ViewLink {
  readonly ping: Call<ServerPing, ViewNews>;
}

/** The way to another server. */
export interface BackupLink {
  readonly forward: Call<Forward, ForwardAnswer>;
  readonly pullState: StreamCall<Standing, StatePiece>;
  readonly close: () => void;
}
