import type { PullSnapshotRequest, PullSnapshotResponse } from '../../gen/synod/peer/v1/peer.js';
import { chunkFromWire, chunkToWire } from '../log/chunk-wire.js';
import { headerFromWire, headerToWire } from '../log/header-wire.js';
import type { Codec } from '../rpc/peer-method.js';
import type { PullRequest, SnapshotPiece } from './snapshot-transfer.js';

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
