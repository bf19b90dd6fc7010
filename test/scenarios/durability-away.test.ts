import { expect } from 'chai';
import { until } from '../support/until.js';
import { diskBytes, mebibytes, median, residentBytes } from './durability/measures.js';
import { putAll } from './durability/pipeline-load.js';
import { ProcessCluster } from './durability/process-cluster.js';
import type { TunedOptions } from './durability/replica-settings.js';
import { inFull } from './durability/rounds.js';
import { scenario } from './report.js';

const suite = 'durability';
const timeoutMs = inFull ? 900_000 : 120_000;
const keyCount = 1000;
const valueBytes = 256;
const returnLimitMs = 60_000;

interface Form {
  readonly putCount: number;
  /** Puts in one batch of the log. */
  readonly batchPuts: number;
  /** How many times what they took half way the replicas may take at the end. */
  readonly growthLimit: number;
  readonly options: TunedOptions;
}

/**
 * In full with the limits of the product; else with a log so short that it is cut as often as that one, and with processes
 * so young that their heaps have not settled.
 */
const form: Form = inFull
  ? { putCount: 200_000, batchPuts: 16, growthLimit: 1.1, options: {} }
  : {
      putCount: 5600,
      batchPuts: 4,
      growthLimit: 1.5,
      options: { logLimitBytes: 256 * 1024, logLimitSlots: 500, segmentBytes: 256 * 1024 },
    };

/** What the replicas that stayed take up. */
interface Sample {
  readonly put: number;
  readonly residentBytes: number;
  readonly diskBytes: number;
}

const entries = function* (count: number) {
  for (let put = 0; put < count; put += 1) {
    yield { key: `key-${put % keyCount}`, value: `${put}`.padStart(valueBytes, '.') };
  }
};

const sampleOf = async (cluster: ProcessCluster, ids: readonly number[], put: number): Promise<Sample> => ({
  put,
  residentBytes: Math.max(...ids.map((id) => residentBytes(cluster.replica(id).pid))),
  diskBytes: Math.max(...(await Promise.all(ids.map((id) => diskBytes(cluster.dataDirectory(id)))))),
});

/** Puts through the replicas that stayed, in equal parts, and looks at them a hundred times. */
async function load(cluster: ProcessCluster, ids: readonly number[]): Promise<readonly Sample[]> {
  const { putCount, batchPuts } = form;
  const samples: Promise<Sample>[] = [];
  const writers = await cluster.writers();
  const answered = new Map<number, number>();
  await Promise.all(
    writers.map((id, part) =>
      putAll({
        writer: async () => cluster.address((await cluster.writers())[part] ?? id),
        entries: entries(putCount / writers.length),
        frameOperations: batchPuts,
        frames: 2,
        answered: (count) => {
          answered.set(id, count);
          const all = [...answered.values()].reduce((sum, each) => sum + each, 0);
          cluster.operationCount = all;
          if (all >= (samples.length + 1) * (putCount / 100)) samples.push(sampleOf(cluster, ids, all));
        },
      }),
    ),
  );
  return Promise.all(samples);
}

/** The growth from the middle of the load to its end, each as the median of a tenth of all samples. */
function growth(samples: readonly Sample[], of: (sample: Sample) => number, what: string): number {
  const { putCount } = form;
  const near = (put: number) =>
    median(samples.filter((sample) => Math.abs(sample.put - put) <= putCount / 20).map(of));
  const [first, last] = [near(putCount / 2), near(0.95 * putCount)];
  console.log(
    `    ${what}: ${mebibytes(first)} at ${putCount / 2} puts, ${mebibytes(last)} at ${putCount}: ${(last / first).toFixed(3)} times`,
  );
  return last / first;
}

describe('durability', () => {
  scenario(suite, 'One replica stays away', timeoutMs, ({ observe }) =>
    ProcessCluster.with({ options: form.options }, async (cluster) => {
      observe(cluster);
      const [away, ...stayed] = [...cluster.ids].reverse() as [number, ...number[]];
      await cluster.kill(away);
      const beganAtMs = performance.now();
      const samples = await load(cluster, stayed);
      const seconds = (performance.now() - beganAtMs) / 1000;
      console.log(`    ${form.putCount} puts in ${seconds.toFixed(1)} s`);
      const memory = growth(samples, (sample) => sample.residentBytes, 'resident memory');
      const disk = growth(samples, (sample) => sample.diskBytes, 'disk');
      const returnedAtMs = performance.now();
      cluster.start(away);
      await cluster.allServe();
      await until('the one that was away has a snapshot', returnLimitMs, () =>
        cluster.pointCounts().installed > 0 ? true : undefined,
      );
      const { keys, through } = await cluster.sameState();
      console.log(
        `    caught up through slot ${through} ${((performance.now() - returnedAtMs) / 1000).toFixed(1)} s after its start`,
      );
      expect(keys).to.equal(keyCount);
      expect(memory, 'growth of memory').to.be.at.most(form.growthLimit);
      expect(disk, 'growth of disk').to.be.at.most(form.growthLimit);
    }),
  );
});
