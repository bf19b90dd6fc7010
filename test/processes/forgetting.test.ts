import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Clerk, type RunningReplica } from '../../src/index.js';
import { startLocalCluster } from '../support/local-cluster.js';

const putCount = 10_000;
const earlyPutCount = 2000;
const keyCount = 100;
const concurrentPuts = 64;
const unforgottenLimit = 64;
const heapGrowthLimit = 1.2;

describe('A log that is used for long', () => {
  it('is forgotten on every replica as it is applied, and takes no more memory than at first', async () => {
    const cluster = await startLocalCluster(3);
    const { endpoints, replicas } = cluster;
    const clerk = new Clerk({ endpoints: endpoints.slice(0, 1) });
    try {
      const put = putter(clerk);
      await put(0, earlyPutCount);
      const earlyHeapBytes = await settledHeap();
      await put(earlyPutCount, putCount);
      const lastPutAtMs = performance.now();
      await sleep(1000);
      const unforgotten = replicas.map(unforgottenSlots);
      const seconds = (performance.now() - lastPutAtMs) / 1000;
      const lateHeapBytes = await settledHeap();
      const growth = lateHeapBytes / earlyHeapBytes;
      console.log(
        `    ${unforgotten.join(', ')} slots not forgotten ${seconds.toFixed(2)} s after the last put; ` +
          `heap ${megabytes(earlyHeapBytes)}, then ${megabytes(lateHeapBytes)}: ${growth.toFixed(2)} times`,
      );
      for (const slots of unforgotten) expect(slots).to.be.at.most(unforgottenLimit);
      expect(growth).to.be.at.most(heapGrowthLimit);
    } finally {
      await clerk.close();
      await cluster.close();
    }
  });
});

/** Puts with numbers from `first` to before `end`, many at once. */
const putter = (clerk: Clerk) => async (first: number, end: number) => {
  let next = first;
  const worker = async () => {
    while (next < end) {
      const number = next;
      next += 1;
      await clerk.put(`key-${number % keyCount}`, `value-${number}`);
    }
  };
  await Promise.all(Array.from({ length: concurrentPuts }, worker));
};

/** How many slots are applied and not forgotten. */
function unforgottenSlots(replica: RunningReplica): number {
  const { applied, min } = replica.status().log;
  if (applied === undefined) throw new Error(`replica ${replica.id} has applied nothing`);
  return applied - min;
}

/** The heap after forced collections, taken once what was under way has come to rest. */
async function settledHeap(): Promise<number> {
  if (global.gc === undefined) throw new Error('run with --expose-gc');
  await sleep(500);
  for (let collection = 0; collection < 3; collection += 1) {
    global.gc();
    await sleep(10);
  }
  return process.memoryUsage().heapUsed;
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
