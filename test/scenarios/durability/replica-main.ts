/** One replica as a process that can be told where to die; `replica-process.ts` starts it. */
import { pinoLogger } from '../../../src/cli/pino-logger.js';
import { startReplica } from '../../../src/index.js';
import type { Disk } from '../../../src/storage/disk.js';
import { SyncedOnlyDisk } from '../../support/synced-only-disk.js';
import { PointCounter } from './point-counts.js';
import { isPoint } from './points.js';
import type { ReplicaSettings } from './replica-settings.js';
import { slowSync } from './slow-sync.js';
import { withoutSync } from './without-sync.js';

const failureExitCode = 70;

const settings = JSON.parse(process.argv[2] ?? '') as ReplicaSettings;
const { id, peers, dataDirectory, killAt } = settings;
const counter = new PointCounter(settings.countsFile);

const trace = (event: string): void => {
  if (!isPoint(event)) return;
  const count = counter.passed(event);
  // Synchronous: nothing of this process runs after it.
  if (event === killAt?.point && count === killAt.count) process.kill(process.pid, 'SIGKILL');
};

const wrapDisk = (disk: Disk): Disk => {
  const beneath = settings.syncedOnly ? new SyncedOnlyDisk(disk) : disk;
  const slow = settings.syncDelayMs > 0 ? slowSync(beneath, settings.syncDelayMs) : beneath;
  return settings.withoutSync === undefined ? slow : withoutSync(slow, settings.withoutSync);
};

const stop = (error: unknown): void => {
  console.error(error);
  console.error(`replica ${id} stopped: ${String(error)}`);
  process.exit(failureExitCode);
};

// The pipe ends with the process that started this one, however that ends.
process.stdin.on('end', () => process.exit(0)).resume();

startReplica({
  id,
  peers,
  dataDirectory,
  ...settings.options,
  wrapDisk,
  trace,
  logger: pinoLogger('info', { replica: id }),
  onFailure: stop,
}).catch(stop);
