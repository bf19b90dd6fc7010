import { expect } from 'chai';
import { busyOptions } from './durability/blows.js';
import { formatPointCounts } from './durability/point-counts.js';
import { make, visitOf, visitWhileCutting, type Visit } from './durability/point-visit.js';
import { points } from './durability/points.js';
import { ProcessCluster } from './durability/process-cluster.js';
import { inFull } from './durability/rounds.js';
import { Workload } from './durability/workload.js';
import { shuffled } from './random-choices.js';
import { scenario } from './report.js';

const suite = 'durability';
const timeoutMs = inFull ? 1_500_000 : 240_000;
/** How many of all points are visited in the small form. */
const sampleSize = 4;
/** It takes thousands of slots until a log is cut under a replica that is away. */
const slow = (visit: Visit): boolean => visit.way !== undefined;

describe('durability', () => {
  scenario(suite, 'Killed at named points', timeoutMs, ({ random, observe }) =>
    ProcessCluster.with({ options: busyOptions, syncedOnly: true }, (cluster) =>
      Workload.during(observe(cluster), random, async (workload) => {
        const all = [...points.map(visitOf), visitWhileCutting];
        const quick = all.filter((visit) => !slow(visit));
        const visits = inFull ? all : shuffled(quick, random).slice(0, sampleSize);
        for (const visit of visits) {
          try {
            await make(visit, cluster, workload, random);
            // Beside what every clerk reads of its own; in the small form this is done once, at the end.
            if (inFull) await workload.verify();
          } catch (error) {
            throw new Error(`killed at ${visit.title}`, { cause: error });
          }
        }
        const counts = cluster.pointCounts();
        console.log(formatPointCounts(counts));
        for (const { point } of visits) expect(counts[point], point).to.be.above(0);
      }),
    ),
  );
});
