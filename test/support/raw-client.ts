import type { Client } from '@grpc/grpc-js';
import { KVServiceService as definition } from '../../gen/synod/kv/v1/kv.js';
import { parseAddress } from '../../src/rpc/address.js';
import { openChannel, unaryCall } from '../../src/rpc/channel.js';
import type { Call } from '../../src/rpc/link.js';
import { PipelineStream } from './pipeline-stream.js';
import { rawMethod } from './raw-method.js';

/** How long one call of these may take. */
export const callOptions = { timeoutMs: 5000 };

/** Calls of one replica as they are on the wire, with nothing of a clerk between: no checks, no retries. */
export class RawClient {
  readonly get;
  readonly put;
  readonly append;
  readonly putHash;
  readonly openSession;
  readonly closeSession;
  readonly #channel: Client;

  constructor(endpoint: string) {
    const channel = openChannel(parseAddress(endpoint), { between: 'client-and-replica' });
    this.#channel = channel;
    this.get = unaryCall(channel, definition.get);
    this.put = unaryCall(channel, definition.put);
    this.append = unaryCall(channel, definition.append);
    this.putHash = unaryCall(channel, definition.putHash);
    this.openSession = unaryCall(channel, definition.openSession);
    this.closeSession = unaryCall(channel, definition.closeSession);
  }

  /** A method of the key/value service by its name, with bytes for a request. */
  bytes(method: string): Call<Buffer, Buffer> {
    return unaryCall(this.#channel, rawMethod(`/synod.kv.v1.KVService/${method}`));
  }

  pipeline(): PipelineStream {
    return new PipelineStream(this.#channel);
  }

  close(): void {
    this.#channel.close();
  }
}
