import { startReplica, type StartReplicaOptions } from '../../src/server/start-replica.js';
import type { RunningReplica } from '../../src/server/start-serving.js';
import { untilAllServe } from './all-serve.js';
import { freePorts } from './free-ports.js';

/** Real replicas on loopback ports, in this process. */
export interface LocalCluster {
  readonly endpoints: readonly string[];
  readonly replicas: readonly RunningReplica[];
  close(): Promise<void>;
}

/** Starts replicas with ids from 1 and waits until all serve. */
export async function startLocalCluster(
  replicaCount: number,
  options: Omit<StartReplicaOptions, 'id' | 'peers'> = {},
): Promise<LocalCluster> {
  const ports = await freePorts(replicaCount);
  const peers = ports.map((port, index) => ({ id: index + 1, address: `127.0.0.1:${port}` }));
  const replicas = await Promise.all(peers.map(({ id }) => startReplica({ ...options, id, peers })));
  await untilAllServe(replicas);
  return {
    endpoints: peers.map(({ address }) => address),
    replicas,
    close: async () => {
      await Promise.all(replicas.map((replica) => replica.close()));
    },
  };
}
