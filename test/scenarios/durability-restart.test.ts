import { expect } from 'chai';
import { until } from '../support/until.js';
import { diskBytes, mebibytes, processorSeconds, residentBytes } from './durability/measures.js';
import { putAll } from './durability/pipeline-load.js';
import { ProcessCluster } from './durability/process-cluster.js';
import { inFull } from './durability/rounds.js';
import { scenario } from './report.js';

const suite = 'durability';
const timeoutMs = inFull ? 900_000 : 120_000;
const keyCount = inFull ? 1_000_000 : 50_000;
const value = 'v'.repeat(100);
const servingLimitMs = 60_000;

const entries = function* () {
  for (let key = 0; key < keyCount; key += 1) yield { key: `key-${String(key).padStart(12, '0')}`, value };
};

describe('durability', () => {
  scenario(suite, 'Restart with many keys', timeoutMs, ({ observe }) =>
    ProcessCluster.with({}, async (cluster) => {
      observe(cluster);
      const loadedAtMs = performance.now();
      const writer = async () => cluster.address((await cluster.writers())[0] ?? 1);
      await putAll({ writer, entries: entries(), frameOperations: 256, frames: 4 });
      cluster.operationCount += keyCount;
      const loadSeconds = (performance.now() - loadedAtMs) / 1000;
      const before = await cluster.sameState();
      const [id] = cluster.ids as [number];
      const bytesBefore = residentBytes(cluster.replica(id).pid);
      const disk = await diskBytes(cluster.dataDirectory(id));
      await cluster.kill(id);
      const startedAtMs = performance.now();
      const replica = cluster.start(id);
      await until('the replica serves', servingLimitMs, async () =>
        (await cluster.endpoint(id).isServing()) ? true : undefined,
      );
      const seconds = (performance.now() - startedAtMs) / 1000;
      const processor = processorSeconds(replica.pid);
      const bytesAfter = residentBytes(replica.pid);
      console.log(
        `    ${keyCount} keys: put in ${loadSeconds.toFixed(1)} s, ${mebibytes(disk)} on disk; serves ${seconds.toFixed(2)} s ` +
          `after its start (${processor.toFixed(2)} s of processor time) with ${mebibytes(bytesAfter)}, ` +
          `${mebibytes(bytesBefore)} before`,
      );
      const after = await cluster.sameState();
      expect(after.keys).to.equal(keyCount);
      expect(after).to.deep.equal(before);
    }),
  );
});
