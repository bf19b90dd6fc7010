import type { SnapshotChunk as ChunkMessage } from '../../gen/synod/peer/v1/peer.js';
import type { Chunk } from './snapshot-chunks.js';

export const chunkToWire = ({ number, content, crc, last }: Chunk): ChunkMessage => ({
  number,
  content: Buffer.from(content.buffer, content.byteOffset, content.byteLength),
  crc,
  last,
});

/** @throws Error if there is none */
export function chunkFromWire(message: ChunkMessage | undefined): Chunk {
  if (message === undefined) throw new Error('the answer has no piece of a snapshot');
  return message;
}
