import { formatDuration } from './duration.js';
import { defaultPort, defaultReplicaCount, loopbackAddresses } from './flags.js';
import { quickDeathLimit, quickDeathMs } from './restart-policy.js';
import type { Death, Sequel } from './supervised-replica.js';

/** The cluster as the line on a death tells of it. */
export interface Remainder {
  readonly replicas: readonly unknown[];
  readonly runningCount: number;
  readonly majority: number;
}

/** The line on a replica that died: how, who remains, and what follows. */
export function deathLine(
  { id, pid }: { readonly id: number; readonly pid: number },
  { how, reason }: Death,
  sequel: Sequel,
  cluster: Remainder,
): string {
  const cause = reason === undefined ? how : `${how}: ${reason}`;
  return `replica ${id} (pid ${pid}) ${cause}; ${remainderText(cluster)}; ${sequelText(sequel, cluster)}`;
}

function remainderText({ replicas, runningCount, majority }: Remainder): string {
  const remain = `${runningCount} of ${replicas.length} remain`;
  if (runningCount >= majority) return remain;
  return `${remain}, fewer than the majority of ${majority}: nothing can be served`;
}

function sequelText(sequel: Sequel, { runningCount, majority }: Remainder): string {
  switch (sequel.kind) {
    case 'restart':
      return `it is started again in ${formatDuration(sequel.afterMs)}`;
    case 'forgot':
      return (
        'it stays away, for its promises lived in memory, and a replica that forgot them must never return under ' +
        `its id${runningCount < majority ? '; stop with Ctrl-C and start anew' : ''}`
      );
    case 'final':
      return 'it is not started again, for that would not help';
    case 'given-up':
      return (
        `it is not started again, for it died ${quickDeathLimit} times within ${formatDuration(quickDeathMs)} of its ` +
        'start; once the cause is gone, stop with Ctrl-C and run it anew'
      );
  }
}

/** What to try once the cluster is ready. */
export function nextSteps(addresses: readonly string[], majority: number): string {
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
