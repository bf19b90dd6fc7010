import type { Client } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import {
  InspectServiceService as inspectService,
  type GetStatusResponse,
} from '../../../gen/synod/inspect/v1/inspect.js';
import { parseAddress } from '../../../src/rpc/address.js';
import { openChannel, unaryCall } from '../../../src/rpc/channel.js';

const checkHealth = healthService['Check']!;
const callLimit = { timeoutMs: 1000 };

/** What a replica says of itself over gRPC. */
export class Endpoint {
  readonly #channel: Client;

  constructor(readonly address: string) {
    this.#channel = openChannel(parseAddress(address), { between: 'client-and-replica' });
  }

  /** Undefined if it did not answer. */
  async status(): Promise<GetStatusResponse | undefined> {
    return unaryCall(this.#channel, inspectService.getStatus)({}, callLimit).catch(() => undefined);
  }

  async isServing(): Promise<boolean> {
    // The health service's types know nothing of its messages.
    const reply = await unaryCall(this.#channel, checkHealth)({ service: '' }, callLimit).catch(() => ({}));
    return (reply as { readonly status?: unknown }).status === 'SERVING';
  }

  close(): void {
    this.#channel.close();
  }
}
