import type { Slot } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import type { SessionParameters } from './limits.js';
import type { ClientId, WriteResult } from './operation.js';

/** The version of the layout that is written, and the only one read. */
export const formatVersion = 1;

/** The largest piece (section W). */
export const pieceLimitBytes = 256 * 1024;

/** What a snapshot begins with. */
export interface Opening {
  readonly formatVersion: number;
  readonly stateVersion: number;
  /** The last slot applied; undefined before any. */
  readonly through: Slot | undefined;
  /** The members in force there. */
  readonly members: readonly Member[];
  readonly sessionParameters: SessionParameters;
  readonly nextClientId: number;
  readonly sessionUses: number;
  readonly sessionCount: number;
  readonly entryCount: number;
}

/** A recorded reply, or a stretch of one whose text does not fit one piece. */
export interface ReplyPart {
  readonly sequence: number;
  readonly result: WriteResult;
}

/** A session, or a stretch of one whose replies do not fit one piece. */
export interface SessionPart {
  readonly id: ClientId;
  readonly acknowledgedThrough: number;
  readonly usedAt: number;
  readonly replies: readonly ReplyPart[];
}

/** An entry, or a stretch of one whose value does not fit one piece. */
export interface EntryPart {
  readonly key: string;
  readonly value: string;
}

/** What one piece holds. */
export type Part =
  | { readonly kind: 'opening'; readonly opening: Opening }
  | { readonly kind: 'sessions'; readonly sessions: readonly SessionPart[] }
  | { readonly kind: 'entries'; readonly entries: readonly EntryPart[] }
  /** `seal` is the digest of the state, and then the hash of the bytes of all pieces before. */
  | { readonly kind: 'closing'; readonly seal: Uint8Array };

/** A snapshot, or a piece of one, that cannot be taken in. */
export class InvalidSnapshot extends Error {
  constructor(problem: string) {
    super(`the snapshot cannot be used: ${problem}`);
    this.name = 'InvalidSnapshot';
  }
}
