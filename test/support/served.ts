import type { Client, Server } from '@grpc/grpc-js';
import { openChannel } from '../../src/rpc/channel.js';
import { listen, newServer, shutDown } from '../../src/rpc/server.js';

/** A real server on a free loopback port, and a channel to it. */
export interface Served {
  /** As HOST:PORT. */
  readonly address: string;
  readonly channel: Client;
  close(): Promise<void>;
}

/** Starts a server with the services that `register` adds. */
export async function serve(register: (server: Server) => void): Promise<Served> {
  const server = newServer();
  register(server);
  const address = await listen(server, { kind: 'tcp', host: '127.0.0.1', port: 0 });
  if (address.kind !== 'tcp') throw new Error('a TCP address was asked for');
  const channel = openChannel(address, { between: 'client-and-replica' });
  return {
    address: `${address.host}:${address.port}`,
    channel,
    close: async () => {
      channel.close();
      await shutDown(server, 0);
    },
  };
}
