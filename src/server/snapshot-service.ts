import type { Server } from '@grpc/grpc-js';
import { SnapshotServiceService as definition } from '../../gen/synod/snapshot/v1/snapshot.js';
import { chunkToWire } from '../log/chunk-wire.js';
import { serverStream, type HandlerHooks } from '../rpc/handlers.js';
import { strictly } from '../rpc/strict.js';
import { logCallError } from './call-errors.js';
import type { SnapshotPiece } from './snapshot-transfer.js';

/** Serves `synod.snapshot.v1.SnapshotService`. */
export function serveSnapshots(
  server: Server,
  save: (signal: AbortSignal) => AsyncIterable<SnapshotPiece>,
  hooks: HandlerHooks,
): void {
  server.addService(strictly(definition), {
    save: serverStream(async function* (_request: unknown, { signal }) {
      try {
        for await (const { through, chunk } of save(signal)) yield { through, chunk: chunkToWire(chunk) };
      } catch (error) {
        throw logCallError(error);
      }
    }, hooks),
  });
}
