import type { Server } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import type { HandlerHooks } from '../rpc/handlers.js';
import type { Logger } from '../runtime/logger.js';
import { realClock } from '../runtime/real-clock.js';
import { watchHealth } from './health.js';
import { serveInspect } from './inspect-service.js';
import { serveKeyValue } from './kv-service.js';
import { loadDescriptors, serveReflection } from './reflection-service.js';
import type { ServedReplica } from './served-replica.js';
import { serveSnapshots } from './snapshot-service.js';
import type { ReplicaStatus } from './status.js';
import { version } from './version.js';

/** A replica that listens. One in memory must not come back under its id once it is closed (rule R1). */
export interface RunningReplica {
  /** 0 for one without. */
  readonly id: number;
  /** Where it listens. */
  readonly address: string;
  readonly serving: boolean;
  status(): ReplicaStatus;
  /** Ends calls under way, then gives the address back. */
  close(): Promise<void>;
}

/** How long calls under way may take to end when a process closes. */
export const closeGraceMs = 500;

export const running = (
  id: number,
  address: string,
  replica: ServedReplica,
  close: () => Promise<void>,
): RunningReplica => ({
  id,
  address,
  get serving() {
    return replica.serving;
  },
  status: () => replica.status(),
  close,
});

/** What a process tells of requests that do not decode, and of handlers that fail. */
export const handlerHooks = (logger: Logger): HandlerHooks => ({
  malformed: (problem) => logger.warn('a request was refused: it does not decode', { problem }),
  failed: (error) => logger.error('a handler failed', { error: String(error) }),
});

const keyValueService = 'synod.kv.v1.KVService';

/** What every process offers to tools. */
const toolServices = [
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/**
 * Puts on a server what clients and tools reach of a replica.
 * @param others full names of what else is on it, for reflection
 */
export async function serveClients(
  server: Server,
  replica: ServedReplica,
  others: readonly string[],
  logger: Logger,
): Promise<HealthImplementation> {
  const hooks = handlerHooks(logger);
  serveKeyValue(server, (request, signal) => replica.execute(request, signal), hooks);
  serveSnapshots(server, (signal) => replica.save(signal), hooks);
  serveInspect(server, () => replica.status(), version);
  const clientServices = ['synod.inspect.v1.InspectService', 'synod.snapshot.v1.SnapshotService'];
  return serveTools(server, [keyValueService, ...others, ...clientServices]);
}

/**
 * Puts reflection and health on a server.
 * @param services full names of everything else on it, in the order in which reflection lists them
 */
export async function serveTools(server: Server, services: readonly string[]): Promise<HealthImplementation> {
  serveReflection(server, [...services, ...toolServices], await loadDescriptors());
  const health = new HealthImplementation();
  health.addToServer(server);
  return health;
}

/** Keeps the health service at what the replica's state is. Answers what ends it. */
export function tellHealth(
  replica: Pick<ServedReplica, 'serving'>,
  intervalMs: number,
  health: HealthImplementation,
  logger: Logger,
): () => void {
  let hasServed = false;
  const watch = watchHealth(
    realClock,
    intervalMs,
    () => replica.serving,
    (status) => {
      for (const service of ['', keyValueService]) health.setStatus(service, status);
      if (status === 'SERVING') logger.info('serving');
      else if (hasServed) logger.warn('not serving');
      hasServed ||= status === 'SERVING';
    },
  );
  return watch.stop;
}
