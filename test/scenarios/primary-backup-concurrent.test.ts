import { expect } from 'chai';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { ownStream, randomNumeral } from './random-choices.js';
import { disturbedMs, scenario } from './report.js';
import { expectAllTags, tag } from './tags.js';
import type { Random } from '../../src/runtime/random.js';

const suite = 'primary-backup';
const timeoutMs = 60_000;
const viewLimitMs = 2 * deadTimeMs;
const putMs = disturbedMs(5000);
const clientCount = 3;
const keys = ['0', '1'];
const appendsPerClient = 50;

async function startTwo(cluster: PrimaryBackupCluster): Promise<void> {
  await cluster.startServer(0);
  await cluster.untilView(0, undefined, viewLimitMs);
  await cluster.startServer(1);
  await cluster.untilView(0, 1, viewLimitMs);
  await cluster.untilSettled();
}

/** Reads the keys from the primary, kills it, and reads them from the backup that takes its place. */
async function expectSameAfterFailure(
  cluster: PrimaryBackupCluster,
  read: readonly string[],
): Promise<string[]> {
  const clerk = cluster.clerk();
  const readAll = () => Promise.all(read.map((key) => clerk.get(key)));
  await cluster.expectAgreement();
  const values = await readAll();
  expect(values, 'read from the primary').not.to.include('');
  cluster.kill(0);
  await cluster.untilView(1, undefined, viewLimitMs);
  expect(await readAll(), 'read from the backup').to.deep.equal(values);
  await cluster.expectAgreement();
  return values;
}

interface PutsOptions {
  readonly unreliable: boolean;
  /** Whether the keys have values before the clients begin. */
  readonly set: boolean;
}

async function concurrentPuts(
  cluster: PrimaryBackupCluster,
  random: Random,
  { unreliable, set }: PutsOptions,
): Promise<void> {
  await startTwo(cluster);
  for (const server of [0, 1]) cluster.setUnreliable(server, unreliable);
  const clerk = cluster.clerk();
  if (set) for (const key of keys) await clerk.put(key, 'first');
  const endMs = performance.now() + putMs;
  const client = async (own: Random) => {
    const ownClerk = cluster.clerk();
    while (performance.now() < endMs) await ownClerk.put(keys[own.below(keys.length)]!, randomNumeral(own));
  };
  await Promise.all(Array.from({ length: clientCount }, () => client(ownStream(random))));
  await expectSameAfterFailure(cluster, keys);
}

describe('primary-backup', () => {
  for (const [title, options] of [
    ['Concurrent Put()s to the same key', { unreliable: false, set: false }],
    ['Concurrent Put()s to the same key; unreliable', { unreliable: true, set: false }],
    ['Concurrent Put()s to the same key; unreliable, keys set before', { unreliable: true, set: true }],
  ] as const) {
    scenario(suite, title, timeoutMs, ({ random, observe }) =>
      PrimaryBackupCluster.with({ serverCount: 2, random }, (cluster) =>
        concurrentPuts(observe(cluster), random, options),
      ),
    );
  }

  scenario(suite, 'Concurrent Append()s to the same key', timeoutMs, ({ random, observe }) =>
    PrimaryBackupCluster.with({ serverCount: 2, random }, async (cluster) => {
      observe(cluster);
      await startTwo(cluster);
      const client = async (number: number) => {
        const clerk = cluster.clerk();
        for (let append = 0; append < appendsPerClient; append += 1)
          await clerk.append('k', tag(number, append));
      };
      await Promise.all(Array.from({ length: clientCount }, (_, number) => client(number)));
      const [value] = await expectSameAfterFailure(cluster, ['k']);
      expectAllTags(value!, Array<number>(clientCount).fill(appendsPerClient));
    }),
  );
});
