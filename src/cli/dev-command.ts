import { toleranceOf } from '../server/members.js';
import { CommandFailure } from './command-failure.js';
import { DevCluster } from './dev-cluster.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { defaultPort, defaultReplicaCount, loopbackAddresses, type Engine } from './flags.js';
import type { LogLevel } from './pino-logger.js';
import { readyLine, replicaLine } from './replica-line.js';
import { whenAborted, type Terminal } from './terminal.js';

export interface DevFlags {
  readonly replicas: number;
  readonly engine: Engine;
  readonly port: number;
  readonly logLevel: LogLevel;
}

/** Runs a cluster on this machine until Ctrl-C, or until none of its replicas is left. @throws CommandFailure */
export async function devCommand(flags: DevFlags, terminal: Terminal): Promise<ExitCode> {
  const addresses = addressesOf(flags);
  terminal.note(`${toleranceOf(addresses.length)}; everything is kept in memory`);
  const cluster: DevCluster = new DevCluster({
    ...flags,
    addresses,
    died: (replica, how) => {
      terminal.note(`replica ${replica.id} (pid ${replica.pid}) ${how}; ${remainderOf(cluster)}`);
    },
  });
  try {
    return await Promise.race([
      whenAborted(terminal.interrupted).then(() => exitCodes.done),
      attend(cluster, addresses, terminal),
    ]);
  } finally {
    await cluster.stop();
  }
}

/** @throws CommandFailure if the ports go past the last one */
function addressesOf({ port, replicas }: DevFlags): string[] {
  if (port + replicas - 1 <= 65_535) return loopbackAddresses(port, replicas);
  throw new CommandFailure({
    kind: 'usage',
    message: `${replicas} replicas from port ${port} need ports up to ${port + replicas - 1}; the last is 65535`,
  });
}

/** Tells how the cluster comes up, and ends by an error when it is gone. @throws CommandFailure */
async function attend(cluster: DevCluster, addresses: readonly string[], terminal: Terminal): Promise<never> {
  await cluster.listening();
  for (const { id, pid, address } of cluster.replicas) terminal.out(replicaLine(id, pid, address));
  const gone = new AbortController();
  const allGone = cluster.gone().then(() => gone.abort());
  if (await cluster.ready(AbortSignal.any([gone.signal, terminal.interrupted]))) {
    terminal.out(readyLine(addresses));
    terminal.note(nextSteps(addresses, cluster.majority));
  }
  await allGone;
  throw new CommandFailure({ kind: 'internal', message: 'no replica is left' });
}

function remainderOf(cluster: DevCluster): string {
  const { majority, runningCount, replicas } = cluster;
  const remain = `${runningCount} of ${replicas.length} remain`;
  if (runningCount < majority) {
    return `${remain}, fewer than the majority of ${majority}: nothing can be served; stop with Ctrl-C and start anew`;
  }
  return (
    `${remain}. It stays away: its promises lived in memory, and a replica that forgot them must never ` +
    'return under its id'
  );
}

function nextSteps(addresses: readonly string[], majority: number): string {
  const isDefault = loopbackAddresses(defaultPort, defaultReplicaCount).join() === addresses.join();
  const endpoints = isDefault ? '' : ` --endpoints ${addresses.join(',')}`;
  return [
    'now try, in another terminal:',
    `  npx synod put greeting hello${endpoints}`,
    `  npx synod get greeting${endpoints}`,
    `  npx synod status${endpoints}`,
    ...(addresses.length > majority ? ['then kill a replica with kill -9 and its pid, and get again'] : []),
    'Ctrl-C here stops all of it',
  ].join('\n');
}
