import { randomBytes } from 'node:crypto';
import { toleranceOf } from '../server/members.js';
import { CommandFailure } from './command-failure.js';
import { DevCluster, type DevClusterOptions } from './dev-cluster.js';
import { openDevData, type DevData } from './dev-data.js';
import { deathLine, nextSteps } from './dev-text.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { loopbackAddresses, type Engine } from './flags.js';
import type { LogLevel } from './pino-logger.js';
import { readyLine, replicaLine } from './replica-line.js';
import { whenAborted, type Terminal } from './terminal.js';

export interface DevFlags {
  readonly replicas: number;
  readonly engine: Engine;
  readonly electionTimeout: number;
  readonly port: number;
  readonly dataDir: string;
  readonly inMemory?: boolean;
  readonly rebuild?: number;
  readonly logLevel: LogLevel;
}

/** Runs a cluster on this machine until Ctrl-C, or until none of its replicas is left. @throws CommandFailure */
export async function devCommand(flags: DevFlags, terminal: Terminal): Promise<ExitCode> {
  const addresses = replicaAddresses(flags);
  const { rebuild, replicas } = flags;
  if (rebuild !== undefined && rebuild > replicas) {
    throw new CommandFailure({
      kind: 'usage',
      message: `there is no replica ${rebuild} to rebuild; the last is ${replicas}`,
    });
  }
  const dataDirectory = flags.inMemory ? undefined : flags.dataDir;
  const data =
    dataDirectory === undefined ? inMemory() : await openDevData(dataDirectory, flags, drawClusterId);
  try {
    const place =
      dataDirectory === undefined ? 'everything is kept in memory' : `data is kept in ${dataDirectory}`;
    terminal.note(`${toleranceOf(addresses.length)}; ${place}`);
    return await runCluster(
      { ...flags, addresses, clusterId: data.clusterId, dataDirectory, rebuild },
      terminal,
    );
  } finally {
    await data.close();
  }
}

const drawClusterId = (): string => randomBytes(16).toString('hex');
const inMemory = (): DevData => ({ clusterId: drawClusterId(), close: () => Promise.resolve() });

/** Runs a cluster until Ctrl-C, or until none of its replicas is left. @throws CommandFailure */
async function runCluster(
  options: Omit<DevClusterOptions, 'died' | 'returned'>,
  terminal: Terminal,
): Promise<ExitCode> {
  const { addresses } = options;
  let announced = false;
  const cluster: DevCluster = new DevCluster({
    ...options,
    died: (replica, death, sequel) => terminal.note(deathLine(replica, death, sequel, cluster)),
    returned: ({ id, pid, address }) => {
      terminal.note(`replica ${id} (pid ${pid}) runs again`);
      if (announced) terminal.out(replicaLine(id, pid, address));
    },
  });
  try {
    return await Promise.race([
      whenAborted(terminal.interrupted).then(() => exitCodes.done),
      attend(cluster, addresses, terminal, () => (announced = true)),
    ]);
  } finally {
    await cluster.stop();
  }
}

/** The addresses of a cluster on this machine. @throws CommandFailure if the ports go past the last one */
export function replicaAddresses({ port, replicas }: Pick<DevFlags, 'port' | 'replicas'>): string[] {
  if (port + replicas - 1 <= 65_535) return loopbackAddresses(port, replicas);
  throw new CommandFailure({
    kind: 'usage',
    message: `${replicas} replicas from port ${port} need ports up to ${port + replicas - 1}; the last is 65535`,
  });
}

/** Tells how the cluster comes up, and ends by an error when it is gone. @throws CommandFailure */
async function attend(
  cluster: DevCluster,
  addresses: readonly string[],
  terminal: Terminal,
  announce: () => void,
): Promise<never> {
  await cluster.started();
  announce();
  for (const { id, pid, address, running } of cluster.replicas) {
    if (running) terminal.out(replicaLine(id, pid, address));
  }
  const gone = new AbortController();
  const allGone = cluster.gone().then(() => gone.abort());
  if (await cluster.ready(AbortSignal.any([gone.signal, terminal.interrupted]))) {
    terminal.out(readyLine(addresses));
    terminal.note(nextSteps(addresses, cluster.majority));
  }
  await allGone;
  throw new CommandFailure({ kind: 'internal', message: 'no replica is left' });
}
