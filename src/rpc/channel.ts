import {
  Client,
  credentials,
  type ChannelOptions,
  type Interceptor,
  type MethodDefinition,
  type ServiceError,
} from '@grpc/grpc-js';
import { formatAddress, type Address } from './address.js';
import { CallError, toCallError } from './call-error.js';
import { fromServiceError } from './status-wire.js';
import type { Call, StreamCall } from './link.js';
import { receiveLimitBytes } from './message-limits.js';

/** Retries belong to whoever can tell whether they are safe, never to the channel. */
const commonOptions: ChannelOptions = {
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.max_receive_message_length': receiveLimitBytes,
  'grpc.max_send_message_length': receiveLimitBytes,
};

/** Between replicas: a connection of its own for each pair, noticed within seconds when it goes dead. */
const peerOptions: ChannelOptions = {
  ...commonOptions,
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_http_proxy': 0,
  'grpc.keepalive_time_ms': 5000,
  'grpc.keepalive_timeout_ms': 2000,
  'grpc.keepalive_permit_without_calls': 1,
};

export interface ChannelChoices {
  readonly between: 'replicas' | 'client-and-replica';
  readonly interceptors?: readonly Interceptor[];
}

/** Opens a channel; nothing is dialled before the first call. */
export function openChannel(address: Address, choices: ChannelChoices): Client {
  return new Client(formatAddress(address), credentials.createInsecure(), {
    ...(choices.between === 'replicas' ? peerOptions : commonOptions),
    interceptors: [...(choices.interceptors ?? [])],
  });
}

/** A unary method of a channel as an async function with a deadline. */
export function unaryCall<Request, Reply>(
  channel: Client,
  method: MethodDefinition<Request, Reply>,
): Call<Request, Reply> {
  return (request, { timeoutMs, signal }) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(
          new CallError({ code: 'CANCELLED', reason: 'UNKNOWN', message: 'cancelled before it was sent' }),
        );
        return;
      }
      const cancel = () => call.cancel();
      const finish = (error: ServiceError | null, reply?: Reply) => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(fromServiceError(error));
        else if (reply !== undefined) resolve(reply);
      };
      const call = channel.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        { deadline: Date.now() + timeoutMs },
        finish,
      );
      signal?.addEventListener('abort', cancel, { once: true });
    });
}

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && 'details' in error;

/** A method that answers with a stream. Leaving the iteration early cancels the call. */
export function streamCall<Request, Reply>(
  channel: Client,
  method: MethodDefinition<Request, Reply>,
): StreamCall<Request, Reply> {
  return async function* (request, { signal }) {
    const call = channel.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
    );
    const cancel = () => call.cancel();
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      // A readable stream is iterated as `any`.
      for await (const reply of call as AsyncIterable<Reply>) yield reply;
    } catch (error) {
      throw isServiceError(error) ? fromServiceError(error) : toCallError(error);
    } finally {
      signal.removeEventListener('abort', cancel);
      cancel();
    }
  };
}
