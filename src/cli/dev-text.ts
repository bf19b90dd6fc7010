import { formatDuration } from './duration.js';
import { quickDeathLimit, quickDeathMs } from './restart-policy.js';
import type { Death, Sequel } from './supervised-process.js';

/** The cluster as the line on a death tells of it. */
export interface Remainder {
  readonly replicas: readonly unknown[];
  readonly runningCount: number;
  /** Undefined where replicas do not vote, and return empty. */
  readonly majority: number | undefined;
}

/** Whose death it is. */
export interface Dead {
  /** `replica 1`. */
  readonly name: string;
  readonly pid: number;
}

/** The line on a replica that died: how, who remains, and what follows. */
export const deathLine = (dead: Dead, death: Death, sequel: Sequel, cluster: Remainder): string =>
  `${causeText(dead, death)}; ${remainderText(cluster)}; ${sequelText(sequel, cluster)}`;

/** The line on the view service that died: how, and what follows. */
export const viewServiceDeathLine = (dead: Dead, death: Death): string =>
  `${causeText(dead, death)}; it is never started again, for the replicas would refuse another one: they go on in ` +
  'the view they have, but when one more of them fails nothing can take over; stop with Ctrl-C and start anew';

const causeText = ({ name, pid }: Dead, { how, reason }: Death): string =>
  `${name} (pid ${pid}) ${reason === undefined ? how : `${how}: ${reason}`}`;

function remainderText({ replicas, runningCount, majority }: Remainder): string {
  const remain = `${runningCount} of ${replicas.length} remain`;
  if (majority === undefined) {
    return runningCount > 0 ? remain : `${remain}, and the data is lost: stop with Ctrl-C and start anew`;
  }
  if (runningCount >= majority) return remain;
  return `${remain}, fewer than the majority of ${majority}: nothing can be served`;
}

function sequelText(sequel: Sequel, { runningCount, majority }: Remainder): string {
  switch (sequel.kind) {
    case 'restart':
      return `it is started again in ${formatDuration(sequel.afterMs)}${majority === undefined ? ', empty' : ''}`;
    case 'forgot':
      return (
        'it stays away, for its promises lived in memory, and a replica that forgot them must never return under ' +
        `its id${runningCount < (majority ?? 1) ? '; stop with Ctrl-C and start anew' : ''}`
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

/**
 * What to try once the cluster is ready.
 * @param flag what a client command needs to find the cluster, with a space before it; empty if nothing
 * @param failure what to break then; undefined if nothing may break
 */
export const nextSteps = (flag: string, failure: string | undefined): string =>
  [
    'now try, in another terminal:',
    `  npx synod put greeting hello${flag}`,
    `  npx synod get greeting${flag}`,
    `  npx synod status${flag}`,
    ...(failure === undefined ? [] : [failure]),
    'Ctrl-C here stops all of it',
  ].join('\n');
