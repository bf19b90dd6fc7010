import type {
  PullSnapshotRequest,
  PullSnapshotResponse,
  SnapshotChunk as ChunkMessage,
} from '../../gen/synod/peer/v1/peer.js';
import { headerFromWire, headerToWire } from '../log/header-wire.js';
import type { Codec } from '../rpc/peer-method.js';
import type { Chunk, PullRequest, SnapshotPiece } from './snapshot-transfer.js';

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

export const pullCodec: Codec<PullRequest, PullSnapshotRequest> = {
  write: ({ header, body }) => ({ header: headerToWire(header), ...body }),
  read: ({ header, through, firstChunk }) => ({
    header: headerFromWire(header),
    body: { through, firstChunk },
  }),
};

export const pieceCodec: Codec<SnapshotPiece, PullSnapshotResponse> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    through: body.through,
    chunk: chunkToWire(body.chunk),
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: { through: message.through, chunk: chunkFromWire(message.chunk) },
  }),
};
