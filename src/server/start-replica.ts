import type { Client, Interceptor, Server, ServerInterceptor } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { defaultSessionParameters, type SessionParameters } from '../kv/limits.js';
import { incarnation, replicaId } from '../log/ids.js';
import type { Member, Roster } from '../log/roster.js';
import { paxosLink, servePaxosPeer } from '../paxos/service.js';
import { formatAddress, parseAddress, type Address } from '../rpc/address.js';
import { openChannel } from '../rpc/channel.js';
import type { HandlerHooks } from '../rpc/handlers.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import { derivedClusterId } from './cluster-id.js';
import { watchHealth } from './health.js';
import { serveInspect } from './inspect-service.js';
import { serveKeyValue } from './kv-service.js';
import { checkMembers, checkPositive, type MemberOption } from './members.js';
import { helloLink, servePeer } from './peer-service.js';
import { loadDescriptors, serveReflection } from './reflection-service.js';
import { Replica, type ReplicaLink } from './replica.js';
import type { ReplicaStatus } from './status.js';
import { version } from './version.js';

export interface StartReplicaOptions {
  /** This replica's own id. */
  readonly id: number;
  /** All members, this replica included. */
  readonly peers: readonly MemberOption[];
  /** Where to listen, if not at the address the peers know; `HOST:PORT`, `[V6]:PORT` or `unix:/PATH`. */
  readonly listen?: string;
  /** Default: drawn from engine, members and session parameters, so that different lists refuse each other. */
  readonly clusterId?: string;
  /** Default 500. */
  readonly helloIntervalMs?: number;
  /** How long an unanswered peer message is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
  /** The same on every replica: part of the cluster's identity. */
  readonly sessionParameters?: SessionParameters;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Told when the replica has closed itself because going on could do harm. */
  readonly onFailure?: (error: unknown) => void;
  /** Interceptors of what this replica receives, and of what it sends to each peer. */
  readonly serverInterceptors?: readonly ServerInterceptor[];
  readonly peerInterceptors?: (peer: number) => readonly Interceptor[];
}

/** A replica that listens. Its state is in memory: once closed it must not come back under its id (rule R1). */
export interface RunningReplica {
  readonly id: number;
  /** Where it listens. */
  readonly address: string;
  readonly serving: boolean;
  status(): ReplicaStatus;
  /** Ends calls under way, then gives the address back. */
  close(): Promise<void>;
}

/** How long calls under way may take to end when a replica closes. */
const closeGraceMs = 500;

const services = [
  'synod.kv.v1.KVService',
  'synod.paxos.v1.PaxosPeerService',
  'synod.peer.v1.PeerService',
  'synod.inspect.v1.InspectService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/**
 * Starts a replica in this process: key/value service, peer services, inspection, reflection and health on one
 * address.
 * @throws OptionsError if the options cannot work
 * @throws ListenError if the address is taken
 */
export async function startReplica(options: StartReplicaOptions): Promise<RunningReplica> {
  const members = checkMembers(options.peers, options.id);
  const sessionParameters = options.sessionParameters ?? defaultSessionParameters;
  const helloIntervalMs = checkPositive('helloIntervalMs', options.helloIntervalMs ?? 500);
  const logger = options.logger ?? silentLogger;
  const channels: Client[] = [];
  const replica = new Replica({
    members,
    me: replicaId(options.id),
    clusterId: options.clusterId ?? derivedClusterId('paxos', members, sessionParameters),
    incarnation: incarnation(realRandom.hex(32)),
    sessionParameters,
    helloIntervalMs,
    roundTimeoutMs: checkPositive('roundTimeoutMs', options.roundTimeoutMs ?? 1000),
    clock: realClock,
    random: realRandom,
    logger,
    link: (peer, roster) => {
      const channel = openPeerChannel(peer, options);
      channels.push(channel);
      return grpcLink(peer, roster, channel);
    },
    failed: (error) => options.onFailure?.(error),
  });
  const server = newServer(options.serverInterceptors);
  const health = new HealthImplementation();
  await serveReplica(server, replica, health, logger);
  const ending: (() => void)[] = [];
  const close = async () => {
    for (const end of ending) end();
    await replica.close();
    for (const channel of channels) channel.close();
    await shutDown(server, closeGraceMs);
  };
  const address = await bound(server, options.listen ?? replica.roster.addressOf(replica.roster.me), close);
  ending.push(tellHealth(replica, helloIntervalMs, health, logger));
  replica.start();
  logger.info('listening', { address: formatAddress(address), inMemory: true });
  return {
    id: options.id,
    address: formatAddress(address),
    get serving() {
      return replica.serving;
    },
    status: () => replica.status(),
    close,
  };
}

const openPeerChannel = (peer: Member, options: StartReplicaOptions): Client =>
  openChannel(parseAddress(peer.address), {
    between: 'replicas',
    interceptors: options.peerInterceptors?.(peer.id) ?? [],
  });

const grpcLink = (peer: Member, roster: Roster, channel: Client): ReplicaLink => ({
  ...paxosLink(roster, peer.id, channel),
  ...helloLink(roster, peer.id, channel),
});

/** Puts every service of a replica on a server. */
async function serveReplica(
  server: Server,
  replica: Replica,
  health: HealthImplementation,
  logger: Logger,
): Promise<void> {
  const hooks: HandlerHooks = {
    malformed: (problem) => logger.warn('a request was refused: it does not decode', { problem }),
    failed: (error) => logger.error('a handler failed', { error: String(error) }),
  };
  serveKeyValue(server, (request, signal) => replica.execute(request, signal), hooks);
  servePaxosPeer(server, replica.paxos);
  servePeer(server, replica.roster, replica.greeter);
  serveInspect(server, () => replica.status(), version);
  serveReflection(server, services, await loadDescriptors());
  health.addToServer(server);
}

/** Keeps the health service at what the replica's state is. Answers what ends it. */
function tellHealth(
  replica: Replica,
  helloIntervalMs: number,
  health: HealthImplementation,
  logger: Logger,
): () => void {
  let hasServed = false;
  const watch = watchHealth(
    realClock,
    helloIntervalMs,
    () => replica.serving,
    (status) => {
      for (const service of ['', 'synod.kv.v1.KVService']) health.setStatus(service, status);
      if (status === 'SERVING') logger.info('serving: a majority is heard');
      else if (hasServed) logger.warn('not serving: no majority is heard');
      hasServed ||= status === 'SERVING';
    },
  );
  return watch.stop;
}

/** Binds, or closes what was started. */
async function bound(server: Server, address: string, close: () => Promise<void>): Promise<Address> {
  try {
    return await listen(server, parseAddress(address));
  } catch (error) {
    await close();
    throw error;
  }
}
