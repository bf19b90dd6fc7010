import type { Slot } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import type { StateSnapshot } from '../log/state-machine.js';
import { digestOf, Hash, HashSum, laneBytes } from './digest.js';
import type { SessionParameters } from './limits.js';
import { sliceEnd, type MeasuredText } from './measured-text.js';
import { SessionEntry, type RecordedReply } from './session-entry.js';
import type { RestoredSession, SessionsView } from './sessions.js';
import {
  formatVersion,
  pieceLimitBytes,
  type EntryPart,
  type Opening,
  type Part,
  type ReplyPart,
  type SessionPart,
} from './snapshot-parts.js';
import { SnapshotReader, type SnapshotSink } from './snapshot-reader.js';
import { encodePart } from './snapshot-wire.js';
import { entryHash, type EntriesView } from './store.js';

/** The whole state as it stood at one time. */
export interface StateView {
  readonly through: Slot | undefined;
  readonly stateVersion: number;
  readonly members: readonly Member[];
  readonly sessionParameters: SessionParameters;
  readonly store: EntriesView;
  readonly sessions: SessionsView;
}

/** What the lengths and numbers of a part may take beside its texts, at most. */
const entryOverheadBytes = 16;
const sessionOverheadBytes = 40;
const replyOverheadBytes = 32;
/** What parts may take in one piece, which begins with a few bytes of its own. */
const roomBytes = pieceLimitBytes - 16;
/** So that small parts do not make a piece that takes long to write or to read. */
const partsLimit = 1024;

interface Sized<Item> {
  readonly item: Item;
  readonly bytes: number;
}

/** Fills pieces in order: each with all that fits. */
function* packed<Item>(items: Iterable<Sized<Item>>): Generator<Item[]> {
  let piece: Item[] = [];
  let pieceBytes = 0;
  for (const { item, bytes } of items) {
    if (piece.length === partsLimit || (piece.length > 0 && pieceBytes + bytes > roomBytes)) {
      yield piece;
      piece = [];
      pieceBytes = 0;
    }
    piece.push(item);
    pieceBytes += bytes;
  }
  if (piece.length > 0) yield piece;
}

/** A text in slices of at most `limitBytes`. */
function* slices(text: string, limitBytes: number): Generator<Sized<string>> {
  for (let start = 0; start < text.length;) {
    const end = sliceEnd(text, start, limitBytes);
    const item = text.slice(start, end);
    yield { item, bytes: Buffer.byteLength(item, 'utf8') };
    start = end;
  }
}

function* entryParts(entries: EntriesView): Generator<Sized<EntryPart>> {
  for (const [key, { text, bytes }] of entries.entries()) {
    const overhead = entryOverheadBytes + Buffer.byteLength(key, 'utf8');
    if (overhead + bytes <= roomBytes) {
      yield { item: { key, value: text }, bytes: overhead + bytes };
      continue;
    }
    for (const slice of slices(text, roomBytes - overhead)) {
      yield { item: { key, value: slice.item }, bytes: overhead + slice.bytes };
    }
  }
}

function* replyParts({ sequence, result, text }: RecordedReply): Generator<Sized<ReplyPart>> {
  const limitBytes = roomBytes - sessionOverheadBytes - replyOverheadBytes;
  if (result.kind !== 'put-hash' || text.bytes <= limitBytes) {
    yield { item: { sequence, result }, bytes: replyOverheadBytes + text.bytes };
    return;
  }
  for (const { item: previousValue, bytes } of slices(result.previousValue, limitBytes)) {
    yield {
      item: { sequence, result: { kind: 'put-hash', previousValue } },
      bytes: replyOverheadBytes + bytes,
    };
  }
}

function* sessionParts(sessions: SessionsView): Generator<Sized<SessionPart>> {
  for (const entry of sessions.entries()) {
    const { id, acknowledgedThrough, usedAt } = entry;
    let replies: ReplyPart[] = [];
    let partBytes = sessionOverheadBytes;
    for (const reply of entry.replies()) {
      for (const { item, bytes } of replyParts(reply)) {
        if (partBytes + bytes > roomBytes) {
          yield { item: { id, acknowledgedThrough, usedAt, replies }, bytes: partBytes };
          replies = [];
          partBytes = sessionOverheadBytes;
        }
        replies.push(item);
        partBytes += bytes;
      }
    }
    yield { item: { id, acknowledgedThrough, usedAt, replies }, bytes: partBytes };
  }
}

function* partsInside({ sessions, store }: StateView): Generator<Part> {
  for (const piece of packed(sessionParts(sessions))) yield { kind: 'sessions', sessions: piece };
  for (const piece of packed(entryParts(store))) yield { kind: 'entries', entries: piece };
}

const openingOf = (view: StateView): Opening => ({
  formatVersion,
  stateVersion: view.stateVersion,
  through: view.through,
  members: view.members,
  sessionParameters: view.sessionParameters,
  nextClientId: view.sessions.nextClientId,
  sessionUses: view.sessions.uses,
  sessionCount: view.sessions.size,
  entryCount: view.store.size,
});

/** Takes the digest in full from what a snapshot holds, trusting nothing that was computed before. */
class Recount implements SnapshotSink {
  readonly #entries = new HashSum();
  readonly #sessions = new HashSum();
  #entryCount = 0;
  #sessionCount = 0;
  #opening: Opening | undefined;

  opening(opening: Opening): void {
    this.#opening = opening;
  }

  session({ id, acknowledgedThrough, usedAt, replies }: RestoredSession): void {
    this.#sessionCount += 1;
    this.#sessions.add(new SessionEntry(id, acknowledgedThrough, usedAt, 0, replies).hash());
  }

  entry(key: string, value: MeasuredText): void {
    this.#entryCount += 1;
    this.#entries.add(entryHash(key, value));
  }

  digest(): Uint8Array {
    return digestOf({
      store: { size: this.#entryCount, sum: this.#entries },
      sessions: {
        size: this.#sessionCount,
        sum: this.#sessions,
        nextClientId: this.#opening?.nextClientId ?? 0,
        uses: this.#opening?.sessionUses ?? 0,
      },
      stateVersion: this.#opening?.stateVersion ?? 0,
    });
  }
}

/**
 * What a closing holds: the digest of the state, and the hash of the bytes of all pieces before, which covers what
 * no digest does (the last slot, the members).
 */
export const sealOf = (digest: Uint8Array, pieces: Hash): Uint8Array =>
  Buffer.concat([digest, laneBytes(new Hash(pieces).finish())]);

/** The state in pieces. Every part that is written is also counted, and the last piece comes only if all agrees. */
function* pieces(view: StateView, digest: Uint8Array): Generator<Uint8Array> {
  const recount = new Recount();
  const reader = new SnapshotReader(recount);
  const hash = new Hash();
  const written = (part: Part): Uint8Array => {
    reader.take(part);
    const piece = encodePart(part);
    hash.bytes(piece);
    return piece;
  };
  yield written({ kind: 'opening', opening: openingOf(view) });
  for (const part of partsInside(view)) yield written(part);
  const closing = written({ kind: 'closing', seal: sealOf(digest, hash) });
  const recounted = recount.digest();
  if (Buffer.compare(recounted, digest) !== 0) {
    throw new Error(
      `the digest of the state as written is ${hex(recounted)}; the one kept while applying is ${hex(digest)}. ` +
        'The state in memory is damaged: rebuild this replica',
    );
  }
  yield closing;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A snapshot of a state that will not change. */
export function snapshotOf(view: StateView): StateSnapshot {
  const digest = digestOf(view);
  return { through: view.through, digest, chunks: () => pieces(view, digest) };
}
