import { until } from '../../support/until.js';
import type { Random } from '../../../src/runtime/random.js';
import { shuffled } from '../random-choices.js';
import type { ProcessCluster } from './process-cluster.js';
import type { Point } from './points.js';
import type { Workload } from './workload.js';

/** A replica that is killed as it passes a point. */
export interface Visit {
  readonly title: string;
  readonly point: Point;
  /** What makes it come to that point; default: the clerks' calls do. */
  readonly way?: 'after-absence' | 'while-another-is-away';
  /** The longest it may take to come by as often as drawn. */
  readonly mostPasses: number;
}

/** Passed once at a start, or too seldom for more than once to be waited for. */
const seldomPassed: ReadonlySet<Point> = new Set<Point>([
  'round-synced',
  'segment-claimed',
  'segment-opened',
  'recovery-segment-synced',
  'recovery-segment-renamed',
  'snapshot-begun',
  'snapshot-chunk-written',
  'snapshot-synced',
  'snapshot-renamed',
  'snapshot-removed',
  'first-segment-recorded',
  'segment-dropped',
  'installed',
]);

export const visitOf = (point: Point): Visit => ({
  title: point,
  point,
  mostPasses: seldomPassed.has(point) ? 1 : 10,
  ...(point === 'installed' ? { way: 'after-absence' } : {}),
});

/** The cut of a log that a replica which is away still needs: with one away, nothing else lets the floor rise. */
export const visitWhileCutting: Visit = {
  title: 'floor-synced, by a cut',
  point: 'floor-synced',
  way: 'while-another-is-away',
  mostPasses: 3,
};

const visitLimitMs = 60_000;
const absenceLimitMs = 120_000;
/** Calls that are answered after each visit, at least. */
const callsAfter = 30;

/** Kills a replica where the visit says, and starts it again. */
export async function make(
  visit: Visit,
  cluster: ProcessCluster,
  workload: Workload,
  random: Random,
): Promise<void> {
  const [id, other] = shuffled(cluster.ids, random) as [number, number];
  const killAt = { point: visit.point, count: 1 + random.below(visit.mostPasses) };
  if (visit.way === 'after-absence') await stayAway(id, cluster, workload);
  else await cluster.kill(id);
  if (visit.way === 'while-another-is-away') await cluster.kill(other);
  cluster.start(id, killAt);
  await cluster.killedItself(id, visitLimitMs);
  console.log(`    replica ${id} killed at ${visit.title}, passed ${killAt.count} times`);
  cluster.start(id);
  if (visit.way === 'while-another-is-away') cluster.start(other);
  await cluster.allServe();
  await workload.progress(callsAfter);
}

/** Kills a replica and waits until the others no longer hold the log that it lacks. */
async function stayAway(id: number, cluster: ProcessCluster, workload: Workload): Promise<void> {
  const applied = (await cluster.endpoint(id).status())?.slots?.applied ?? 0;
  await cluster.kill(id);
  await until(`the others have cut the log above slot ${applied}`, absenceLimitMs, async () => {
    workload.expectWell();
    const others = cluster.ids.filter((other) => other !== id);
    const floors = await Promise.all(
      others.map(async (other) => (await cluster.endpoint(other).status())?.slots?.floor ?? 0),
    );

    return floors.every((floor) => floor > applied + slotsInFlight) ? true : undefined;
  });
}

/** More than a replica can have learned after it told how far it had come. */
const slotsInFlight = 64;
