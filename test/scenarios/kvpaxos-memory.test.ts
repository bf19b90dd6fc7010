import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { settledHeapBytes } from './heap.js';
import { KvpaxosCluster, expectValue } from './kvpaxos-cluster.js';
import { scenario } from './report.js';
import type { Random } from '../../src/runtime/random.js';

const suite = 'kvpaxos';
const timeoutMs = 120_000;
const serverCount = 3;
const passes = 2;
const keys = 10;
const valueBytes = 1_000_000;
/** The values that are alive take half of this: one for each key at each server. */
const allowedGrowthBytes = serverCount * keys * valueBytes * 2;

/** Characters 1 to 100, as the suite draws them. */
const randomValue = (random: Random): string => {
  const bytes = Buffer.alloc(valueBytes);
  for (let index = 0; index < valueBytes; index += 1) bytes[index] = 1 + random.below(100);
  return bytes.toString('latin1');
};

describe('kvpaxos', () => {
  scenario(suite, 'server frees Paxos log memory', timeoutMs, ({ random, observe }) =>
    KvpaxosCluster.with({ serverCount, random }, async (cluster) => {
      observe(cluster);
      const all = cluster.clerk();
      const each = cluster.clerkForEach();
      await all.put('a', 'aa');
      await expectValue(all, 'a', 'aa');
      const emptyBytes = await settledHeapBytes();

      for (let pass = 0; pass < passes; pass += 1) {
        for (let key = 0; key < keys; key += 1) {
          const value = randomValue(random);
          await all.put(String(key), value);
          // Not by expectValue: a difference of two such values is nothing to print.
          const read = await each[key % serverCount]!.get(String(key));
          expect(read === value, `key ${key} holds what was put`).to.equal(true);
        }
      }
      // Lets the servers tell each other what they are done with.
      for (let pass = 0; pass < passes; pass += 1) {
        for (const clerk of each) {
          await clerk.put('a', 'aa');
          await expectValue(clerk, 'a', 'aa');
        }
      }
      await sleep(1000);
      const grownBytes = (await settledHeapBytes()) - emptyBytes;
      console.log(`  grew by ${(grownBytes / 1e6).toFixed(1)} MB`);
      expect(grownBytes, 'the servers hold the values').to.be.at.least(allowedGrowthBytes / 4);
      expect(grownBytes, 'and not the log').to.be.at.most(allowedGrowthBytes);
    }),
  );
});
