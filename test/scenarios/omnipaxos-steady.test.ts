import { expect } from 'chai';
import { Clerk } from '../../src/index.js';
import { ProcessCluster } from './durability/process-cluster.js';
import { disturbedMs, scenario } from './report.js';

const suite = 'omnipaxos';
/** Ten minutes in full: `SYNOD_STEADY_SECONDS=600`. */
const seconds = Number(process.env['SYNOD_STEADY_SECONDS'] ?? disturbedMs(15_000) / 1000);
const clerkCount = 16;
const keyCount = 1000;
const valueBytes = 256;

interface Standing {
  readonly ballot: string;
  readonly lateHeartbeats: number;
  readonly longestStallMs: number;
}

async function standings(cluster: ProcessCluster): Promise<Standing[]> {
  return Promise.all(
    cluster.ids.map(async (id) => {
      const status = await cluster.endpoint(id).status();
      if (status?.leader === undefined) throw new Error(`replica ${id} does not say who leads`);
      return status.leader;
    }),
  );
}

/** Puts and reads as fast as it is answered; answers how many calls were. */
async function fullSpeed(endpoints: readonly string[], number: number, endMs: number): Promise<number> {
  const clerk = new Clerk({ endpoints });
  const value = '.'.repeat(valueBytes);
  let calls = 0;
  try {
    for (; performance.now() < endMs; calls += 1) {
      const key = `key-${(number * 61 + calls) % keyCount}`;
      if (calls % 4 === 3) await clerk.get(key);
      else await clerk.put(key, value);
    }
    return calls;
  } finally {
    await clerk.close();
  }
}

describe('omnipaxos', () => {
  scenario(suite, 'Steady leader under load', 120_000 + seconds * 1000, ({ observe }) =>
    ProcessCluster.with({ replicaCount: 5, options: { engine: 'omnipaxos' } }, async (cluster) => {
      observe(cluster);
      const [first] = await standings(cluster);
      const endMs = performance.now() + seconds * 1000;
      const endpoints = cluster.ids.map((id) => cluster.address(id));
      const calls = await Promise.all(
        Array.from({ length: clerkCount }, (_, number) => fullSpeed(endpoints, number, endMs)),
      );
      cluster.operationCount = calls.reduce((sum, each) => sum + each, 0);
      const found = await standings(cluster);
      const late = found.map(({ lateHeartbeats }) => lateHeartbeats);
      const stalls = found.map(({ longestStallMs }) => longestStallMs);
      console.log(
        `    ${(cluster.operationCount / seconds).toFixed(0)} calls a second for ${seconds} s; ` +
          `heartbeats late: ${late.join(', ')}; longest stalls: ${stalls.join(', ')} ms`,
      );
      // The ballot of the first election is still the leader's.
      expect(new Set(found.map(({ ballot }) => ballot))).to.deep.equal(new Set([first?.ballot]));
    }),
  );
});
