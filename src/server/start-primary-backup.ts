import type { Client, Interceptor, ServerInterceptor } from '@grpc/grpc-js';
import { defaultSessionParameters, type SessionParameters } from '../kv/limits.js';
import { backupLink, serveBackup } from '../primary-backup/backup-service.js';
import { serverIncarnation } from '../primary-backup/names.js';
import { viewLink } from '../primary-backup/view-service.js';
import { formatAddress, parseAddress } from '../rpc/address.js';
import { openChannel } from '../rpc/channel.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import { checkPositive } from './members.js';
import { PrimaryBackupServer } from './primary-backup-server.js';
import {
  closeGraceMs,
  handlerHooks,
  running,
  serveClients,
  tellHealth,
  type RunningReplica,
} from './start-serving.js';
import { defaultPingIntervalMs } from './timing-defaults.js';

export interface StartPrimaryBackupOptions {
  /** How servers and clients reach this one; its name in views: `HOST:PORT`, `[V6]:PORT` or `unix:/PATH`. */
  readonly address: string;
  /** Where to listen, if not there. */
  readonly listen?: string;
  /** Where the view service is. */
  readonly viewService: string;
  /** Shown in its status; default: none. */
  readonly id?: number;
  /** How often it pings the view service; default 100. */
  readonly pingIntervalMs?: number;
  /** How long an unanswered forward is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
  /** The same on every server. */
  readonly sessionParameters?: SessionParameters;
  /** Default: silent. */
  readonly logger?: Logger;
  /** For tests: names a moment just passed. */
  readonly trace?: (event: string) => void;
  /** Told when the server has closed itself because going on could do harm. */
  readonly onFailure?: (error: unknown) => void;
  /** Interceptors of what this server receives, and of what it sends to another and to the view service. */
  readonly serverInterceptors?: readonly ServerInterceptor[];
  readonly peerInterceptors?: (address: string) => readonly Interceptor[];
  readonly viewInterceptors?: readonly Interceptor[];
}

/**
 * Starts a server of primary/backup in this process (seed 003). Its state is in memory alone: closed and started again
 * under its address, it is empty, and says so to the view service.
 * @throws OptionsError, RangeError if the options cannot work
 * @throws ListenError if the address is taken
 */
export async function startPrimaryBackup(options: StartPrimaryBackupOptions): Promise<RunningReplica> {
  const logger = options.logger ?? silentLogger;
  const address = formatAddress(parseAddress(options.address));
  const viewService = formatAddress(parseAddress(options.viewService));
  const pingIntervalMs = checkPositive('pingIntervalMs', options.pingIntervalMs ?? defaultPingIntervalMs);
  const open = (to: string, interceptors: readonly Interceptor[] = []): Client =>
    openChannel(parseAddress(to), { between: 'replicas', interceptors });
  const viewChannel = open(viewService, options.viewInterceptors);
  const replica = new PrimaryBackupServer({
    id: options.id ?? 0,
    address,
    incarnation: serverIncarnation(realRandom.hex(32)),
    viewService,
    viewLink: viewLink(viewChannel),
    openLink: (server) => backupLink(open(server, options.peerInterceptors?.(server))),
    sessionParameters: options.sessionParameters ?? defaultSessionParameters,
    pingIntervalMs,
    roundTimeoutMs: checkPositive('roundTimeoutMs', options.roundTimeoutMs ?? 1000),
    clock: realClock,
    logger,
    ...(options.trace === undefined ? {} : { trace: options.trace }),
    failed: (error) => options.onFailure?.(error),
  });
  const server = newServer(options.serverInterceptors);
  const ending: (() => void)[] = [];
  const close = async () => {
    for (const end of ending) end();
    await replica.close();
    viewChannel.close();
    await shutDown(server, closeGraceMs);
  };
  try {
    serveBackup(server, replica.replica, handlerHooks(logger));
    const health = await serveClients(server, replica, ['synod.backup.v1.BackupService'], logger);
    const listening = await listen(server, parseAddress(options.listen ?? address));
    ending.push(tellHealth(replica, pingIntervalMs, health, logger));
    replica.start();
    logger.info('listening', { address: formatAddress(listening), viewService });
    return running(options.id ?? 0, formatAddress(listening), replica, close);
  } catch (error) {
    await close();
    throw error;
  }
}
