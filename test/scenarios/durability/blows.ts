import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../../src/runtime/random.js';
import { shuffled } from '../random-choices.js';
import type { Scenario } from '../report.js';
import { ProcessCluster, type ClusterSettings } from './process-cluster.js';
import { inFull } from './rounds.js';
import type { Point } from './points.js';
import { Workload } from './workload.js';

/**
 * So small that snapshots are written, segments opened and dropped and the log cut all the time; and replicas that greet
 * often are soon back.
 */
export const busyOptions = {
  logLimitSlots: 200,
  logLimitBytes: 32 * 1024,
  segmentBytes: 32 * 1024,
  helloIntervalMs: 200,
};
/** Calls that are answered between two blows, at least. */
const callsBetween = inFull ? 100 : 50;
const longestCalmMs = inFull ? 1000 : 300;
/** Calls that are answered while one replica is down, at least. */
const callsWithoutOne = 30;

/** What befalls the replicas; afterwards all are up, or about to be. */
export type Blow = (cluster: ProcessCluster, random: Random, workload: Workload) => Promise<void>;

export const allAtOnce: Blow = async (cluster, random) => {
  await cluster.kill(...cluster.ids);
  for (const id of shuffled(cluster.ids, random)) {
    cluster.start(id);
    await sleep(random.below(100));
  }
};

/** What a replica passes soon after its start. */
const recoveryPoints: readonly Point[] = [
  'recovery-segment-synced',
  'recovery-segment-renamed',
  'segment-claimed',
  'frame-begun',
  'frame-written',
  'frame-synced',
];
const recoveryLimitMs = 20_000;

/**
 * All are killed at once. The first of them may stay down until the others have gone on without it: what was answered on
 * its word alone is lost then. Some are killed again while they recover or take their part for the first time.
 */
export const allAndAgain: Blow = async (cluster, random, workload) => {
  await cluster.kill(...cluster.ids);
  const [late, ...others] = cluster.ids as [number, ...number[]];
  const first = random.below(4) === 0 ? cluster.ids : others;
  const again = first.filter((id) => {
    const point = random.below(2) === 0 ? recoveryPoints[random.below(recoveryPoints.length)] : undefined;
    cluster.start(id, point && { point, count: 1 });
    return point !== undefined;
  });
  // Each is up again at once: one may need the others to come as far as the point where it ends.
  const restarted = again.map(async (id) => {
    await cluster.killedItself(id, recoveryLimitMs);
    cluster.start(id);
  });
  await Promise.all(restarted);
  if (first !== others) return;
  await cluster.allServe();
  await workload.progress(callsWithoutOne);
  cluster.start(late);
};

export interface Blows {
  readonly settings: ClusterSettings;
  readonly blow: Blow;
  readonly rounds: number;
  readonly random: Random;
  readonly observe: Scenario['observe'];
}

/** Lets 16 clerks write while blow after blow falls; then everything answered must be there. */
export const blowsFall = ({ settings, blow, rounds, random, observe }: Blows): Promise<void> =>
  ProcessCluster.with({ options: busyOptions, ...settings }, (cluster) =>
    Workload.during(observe(cluster), random, async (workload) => {
      for (let round = 0; round < rounds; round += 1) {
        await workload.progress(callsBetween);
        await workload.goOn(random.below(longestCalmMs));
        await blow(cluster, random, workload);
        await cluster.allServe();
      }
      await workload.progress(callsBetween);
    }),
  );
