import { BinaryReader } from '@bufbuild/protobuf/wire';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** A request as it came off the wire. */
export type Decoded<Message> =
  { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly problem: string };

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The same service with requests decoded strictly: text must be valid UTF-8, and bytes that do not decode
 * reach the handler as a `Decoded` that is not ok, where grpc-js would answer INTERNAL by itself.
 */
export function strictly(definition: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(Object.entries(definition).map(([name, method]) => [name, strictMethod(method)]));
}

function strictMethod(method: MethodDefinition<unknown, unknown>): MethodDefinition<unknown, unknown> {
  return {
    ...method,
    requestDeserialize: (bytes: Buffer): Decoded<unknown> => {
      try {
        // ts-proto's decoders take a reader in place of bytes, and the reader takes the text decoder.
        const reader = new BinaryReader(bytes, (text) => strictUtf8.decode(text));
        const message = method.requestDeserialize(reader as unknown as Buffer);
        if (reader.pos < reader.len) throw new Error('bytes follow the end of the message');
        return { ok: true, message };
      } catch (error) {
        return { ok: false, problem: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}
