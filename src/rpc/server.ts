import { Server, ServerCredentials, type ServerInterceptor } from '@grpc/grpc-js';
import { receiveLimitBytes } from './message-limits.js';
import { formatAddress, type Address } from './address.js';
import { removeStaleSocket } from './stale-socket.js';

/** Streams one connection may have open at once. */
const streamLimit = 1000;

export function newServer(interceptors: readonly ServerInterceptor[] = []): Server {
  return new Server({
    'grpc.max_receive_message_length': receiveLimitBytes,
    'grpc.max_send_message_length': receiveLimitBytes,
    'grpc.max_concurrent_streams': streamLimit,
    interceptors: [...interceptors],
  });
}

/** The address is taken or not of this machine. */
export class ListenError extends Error {
  constructor(
    readonly address: string,
    cause: Error,
  ) {
    super(`cannot listen on ${address}: ${cause.message}`, { cause });
    this.name = 'ListenError';
  }
}

/**
 * Binds and starts serving. Answers the address with the port that was given, where 0 was asked for. A socket file that
 * a killed process has left behind is replaced.
 * @throws ListenError
 */
export async function listen(server: Server, address: Address): Promise<Address> {
  // Before, for a server that failed to bind cannot bind again.
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  return new Promise((resolve, reject) => {
    server.bindAsync(formatAddress(address), ServerCredentials.createInsecure(), (error, port) => {
      if (error !== null) reject(new ListenError(formatAddress(address), error));
      else resolve(address.kind === 'tcp' ? { ...address, port } : address);
    });
  });
}

/** Lets running calls finish for `graceMs`, then ends them. */
export function shutDown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
