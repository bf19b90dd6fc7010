import type { Client, Interceptor, ServerInterceptor } from '@grpc/grpc-js';
import { defaultSessionParameters, type SessionParameters } from '../kv/limits.js';
import { replicaId } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import { formatAddress, parseAddress } from '../rpc/address.js';
import { openChannel } from '../rpc/channel.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import type { Disk } from '../storage/disk.js';
import type { StorageFailure } from '../storage/errors.js';
import { checkMembers, checkPositive, type MemberOption } from './members.js';
import { servePeer } from './peer-service.js';
import type { Replica } from './replica.js';
import type { ReadPath, ReplicaSettings } from './replica-options.js';
import { defaultLogLimits } from './snapshot-keeper.js';
import type { EngineName } from './engine.js';
import { engines } from './start-engines.js';
import { openPlace } from './start-place.js';
import { closeGraceMs, running, serveClients, tellHealth, type RunningReplica } from './start-serving.js';
import { defaultElectionTimeoutMs } from './timing-defaults.js';

export interface StartReplicaOptions {
  /** This replica's own id. */
  readonly id: number;
  /** All members, this replica included. */
  readonly peers: readonly MemberOption[];
  /** How replicas agree; the same on every replica. Default `paxos`. */
  readonly engine?: EngineName;
  /** Where to listen, if not at the address the peers know; `HOST:PORT`, `[V6]:PORT` or `unix:/PATH`. */
  readonly listen?: string;
  /** Default: drawn from engine, members and session parameters, so that different lists refuse each other. */
  readonly clusterId?: string;
  /** Default 500. */
  readonly helloIntervalMs?: number;
  /** How long an unanswered peer message is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
  /** How long an engine with leaders waits before it misses one; default 100. */
  readonly electionTimeoutMs?: number;
  /** The same on every replica: part of the cluster's identity. */
  readonly sessionParameters?: SessionParameters;
  /**
   * Where the replica keeps its log and snapshots; made if it is not there. Absent: in memory, and then the replica must
   * not return under its id once it has stopped (rule R1).
   */
  readonly dataDirectory?: string;
  /** Start although the directory is marked suspect: its votes are kept, its state is pulled anew. Default false. */
  readonly rebuild?: boolean;
  /** Past either the log is cut although a peer is away; default 16,384 slots and 16 MiB of values. */
  readonly logLimitSlots?: number;
  readonly logLimitBytes?: number;
  /** How reads are made linearizable; default `barrier`. */
  readonly reads?: ReadPath;
  /** For tests: the size of the log's segments; default 4 MiB. */
  readonly segmentBytes?: number;
  /** For tests: what stands between the replica and its directory. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  /** For tests: names a moment just passed. */
  readonly trace?: (event: string) => void;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Told when the replica has closed itself because going on could do harm. */
  readonly onFailure?: (error: unknown) => void;
  /** Interceptors of what this replica receives, and of what it sends to each peer. */
  readonly serverInterceptors?: readonly ServerInterceptor[];
  readonly peerInterceptors?: (peer: number) => readonly Interceptor[];
}

/**
 * Starts a replica in this process: key/value service, peer services, inspection, reflection and health on one
 * address.
 * @throws OptionsError if the options cannot work
 * @throws ListenError if the address is taken
 */
export async function startReplica(options: StartReplicaOptions): Promise<RunningReplica> {
  const members = checkMembers(options.peers, options.id);
  const helloIntervalMs = checkPositive('helloIntervalMs', options.helloIntervalMs ?? 500);
  const logger = options.logger ?? silentLogger;
  const engine = engines[options.engine ?? 'paxos'];
  const channels: Client[] = [];
  let replica: Replica | undefined;
  const diskFailed = (error: StorageFailure) => (replica?.fail ?? options.onFailure)?.(error);
  const place = await openPlace({
    ...options,
    me: replicaId(options.id),
    engine: engine.name,
    members,
    diskFailed,
  });
  const ending: (() => void)[] = [];
  const server = newServer(options.serverInterceptors);
  const close = async () => {
    for (const end of ending) end();
    await (replica?.close() ?? place.directory?.log.close());
    for (const channel of channels) channel.close();
    await shutDown(server, closeGraceMs);
    await place.release();
  };
  try {
    const settings: ReplicaSettings = {
      ...place,
      ...replicaChoices(options),
      members,
      me: replicaId(options.id),
      helloIntervalMs,
      logger,
      failed: (error) => options.onFailure?.(error),
    };
    const opened = await engine.openReplica(settings, (peer) => {
      const channel = openPeerChannel(peer, options);
      channels.push(channel);
      return channel;
    });
    replica = opened.replica;
    opened.serveEngine(server);
    servePeer(server, replica.roster, replica.greeter, replica.snapshotSource);
    const services = [...engine.serviceNames, 'synod.peer.v1.PeerService'];
    const health = await serveClients(server, replica, services, logger);
    const address = await listen(
      server,
      parseAddress(options.listen ?? replica.roster.addressOf(replica.roster.me)),
    );
    ending.push(tellHealth(replica, helloIntervalMs, health, logger));
    replica.start();
    logger.info('listening', {
      address: formatAddress(address),
      dataDirectory: options.dataDirectory ?? null,
    });
    return running(options.id, formatAddress(address), replica, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** What of the options goes to the replica as it is. @throws OptionsError */
const replicaChoices = (options: StartReplicaOptions) => ({
  sessionParameters: options.sessionParameters ?? defaultSessionParameters,
  roundTimeoutMs: checkPositive('roundTimeoutMs', options.roundTimeoutMs ?? 1000),
  electionTimeoutMs: checkPositive(
    'electionTimeoutMs',
    options.electionTimeoutMs ?? defaultElectionTimeoutMs,
  ),
  rebuild: options.rebuild ?? false,
  reads: options.reads ?? 'barrier',
  logLimits: {
    slots: checkPositive('logLimitSlots', options.logLimitSlots ?? defaultLogLimits.slots),
    bytes: checkPositive('logLimitBytes', options.logLimitBytes ?? defaultLogLimits.bytes),
  },
  clock: realClock,
  random: realRandom,
  ...(options.trace === undefined ? {} : { trace: options.trace }),
});

const openPeerChannel = (peer: Member, options: StartReplicaOptions): Client =>
  openChannel(parseAddress(peer.address), {
    between: 'replicas',
    interceptors: options.peerInterceptors?.(peer.id) ?? [],
  });
