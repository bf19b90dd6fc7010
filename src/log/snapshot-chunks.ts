import { crc32 } from 'node:zlib';
import type { StateSnapshot } from './state-machine.js';

/** One piece of a snapshot on its way to another process. */
export interface Chunk {
  /** Counts from 0. */
  readonly number: number;
  readonly content: Uint8Array;
  /** The CRC-32 of the content. */
  readonly crc: number;
  readonly last: boolean;
}

/** The pieces of a snapshot, numbered and with their check sums, one in advance so that the last is known. */
export function* numberedChunks(snapshot: StateSnapshot, first: number): Iterable<Chunk> {
  let number = 0;
  let held: Uint8Array | undefined;
  const chunk = (content: Uint8Array, last: boolean): Chunk => ({
    number: number - 1,
    content,
    crc: crc32(content),
    last,
  });
  for (const content of snapshot.chunks()) {
    if (held !== undefined && number > first) yield chunk(held, false);
    held = content;
    number += 1;
  }
  if (held !== undefined && number > first) yield chunk(held, true);
}

/** @throws Error unless the piece is the next one, and whole */
export function checkChunk(chunk: Chunk, next: number): void {
  if (chunk.number === next && chunk.crc === crc32(chunk.content)) return;
  throw new Error(`piece ${chunk.number} came garbled or out of order; ${next} is next`);
}
