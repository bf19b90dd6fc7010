import { Batch as BatchMessage } from '../../gen/synod/log/v1/batch.js';
import type { Batch } from './batch.js';
import { incarnation, replicaId } from './ids.js';

export const encodeBatch = (batch: Batch): Uint8Array =>
  BatchMessage.encode({
    origin: batch.origin,
    incarnation: batch.incarnation,
    number: batch.number,
    commands: batch.commands.map((command) =>
      Buffer.from(command.buffer, command.byteOffset, command.byteLength),
    ),
  }).finish();

/** @throws Error if the bytes are not a batch. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const message = BatchMessage.decode(bytes);
  return {
    origin: replicaId(message.origin),
    incarnation: incarnation(message.incarnation),
    number: message.number,
    commands: message.commands,
  };
}
