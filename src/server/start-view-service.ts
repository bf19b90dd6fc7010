import type { ServerInterceptor } from '@grpc/grpc-js';
import { viewServiceIncarnation } from '../primary-backup/names.js';
import { serveViews } from '../primary-backup/view-service.js';
import { ViewServer } from '../primary-backup/view-server.js';
import { formatAddress, parseAddress } from '../rpc/address.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { silentLogger, type Logger } from '../runtime/logger.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import { checkPositive, OptionsError } from './members.js';
import { closeGraceMs, handlerHooks, serveTools } from './start-serving.js';
import { defaultDeadPings, defaultPingIntervalMs } from './timing-defaults.js';

export interface StartViewServiceOptions {
  /** Where to listen: `HOST:PORT`, `[V6]:PORT` or `unix:/PATH`. */
  readonly address: string;
  /** How often servers are expected to ping; default 100. */
  readonly pingIntervalMs?: number;
  /** So many intervals without a ping make a server dead; default 5. */
  readonly deadPings?: number;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Interceptors of what it receives. */
  readonly serverInterceptors?: readonly ServerInterceptor[];
}

/** One numbered view as the view service has it. */
export interface ViewReport {
  /** 0 before the first. */
  readonly viewNumber: number;
  readonly primary: string | undefined;
  readonly backup: string | undefined;
  readonly isAcknowledged: boolean;
  /** Whether the backup has said that it has the whole state; only then can it take over. */
  readonly isBackupReady: boolean;
  /** What keeps the views from going on, in words; empty if nothing does. */
  readonly trouble: string;
}

/** A view service that listens. */
export interface RunningViewService {
  /** Where it listens. */
  readonly address: string;
  view(): ViewReport;
  close(): Promise<void>;
}

/**
 * Starts the view service in this process (seed 003). It keeps nothing on disk, and started again it begins anew: servers
 * that took part in its views refuse to go on (rule R16).
 * @throws OptionsError, RangeError if the options cannot work
 * @throws ListenError if the address is taken
 */
export async function startViewService(options: StartViewServiceOptions): Promise<RunningViewService> {
  const logger = options.logger ?? silentLogger;
  const views = new ViewServer({
    incarnation: viewServiceIncarnation(realRandom.hex(32)),
    clock: realClock,
    logger,
    pingIntervalMs: checkPositive('pingIntervalMs', options.pingIntervalMs ?? defaultPingIntervalMs),
    deadPings: checkDeadPings(options.deadPings ?? defaultDeadPings),
  });
  const server = newServer(options.serverInterceptors);
  serveViews(server, views, handlerHooks(logger));
  const health = await serveTools(server, ['synod.view.v1.ViewService']);
  const address = await listen(server, parseAddress(options.address));
  for (const service of ['', 'synod.view.v1.ViewService']) health.setStatus(service, 'SERVING');
  views.start();
  logger.info('listening', { address: formatAddress(address) });
  return {
    address: formatAddress(address),
    view: () => {
      const { view, isAcknowledged, isBackupReady, trouble } = views.news;
      return { ...view, isAcknowledged, isBackupReady, trouble };
    },
    close: async () => {
      views.close();
      await shutDown(server, closeGraceMs);
    },
  };
}

function checkDeadPings(value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new OptionsError(`deadPings is ${value}; it is a whole number above 0`);
}
