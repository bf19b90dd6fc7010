import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { putHashLink } from './chain-form.js';
import { expectValue } from './key-value-cluster.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { ownStream, randomNumeral } from './random-choices.js';
import { disturbedMs, scenario } from './report.js';
import { expectAllTags, tag } from './tags.js';

const suite = 'primary-backup';
const timeoutMs = 90_000;
const serverCount = 3;
const clientCount = 2;
const keysPerClient = 10;
const churnMs = disturbedMs(20_000);
/** Long enough for a new view, and for its backup to have the state. */
const settleMs = 2 * deadTimeMs;
const pauseMs = 10;

interface Client {
  readonly number: number;
  readonly clerk: Clerk;
  readonly random: Random;
  readonly goesOn: () => boolean;
}

/** Kills a server, and starts it again empty; again and again. */
async function killAndRestart(
  cluster: PrimaryBackupCluster,
  random: Random,
  goesOn: () => boolean,
): Promise<void> {
  while (goesOn()) {
    expect(cluster.trouble, 'trouble before the next server is killed').to.equal('');
    const server = random.below(serverCount);
    cluster.kill(server);
    await sleep(settleMs);
    await cluster.startServer(server);
    await sleep(settleMs);
  }
}

/** Runs the clients while servers fail and come back. */
async function throughFailures<Outcome>(
  cluster: PrimaryBackupCluster,
  random: Random,
  unreliable: boolean,
  client: (client: Client) => Promise<Outcome>,
): Promise<Outcome[]> {
  for (const server of cluster.servers) await cluster.startServer(server);
  await cluster.untilSettled();
  await cluster.withClerk(async (clerk) => {
    await clerk.put('k', '');
  });
  for (const server of cluster.servers) cluster.setUnreliable(server, unreliable);
  const endMs = performance.now() + churnMs;
  const goesOn = () => performance.now() < endMs;
  const failures = killAndRestart(cluster, ownStream(random), goesOn);
  const clients = Promise.all(
    Array.from({ length: clientCount }, (_, number) =>
      cluster.withClerk((clerk) => client({ number, clerk, random: ownStream(random), goesOn })),
    ),
  );
  // A client that failed ends the test at once.
  await Promise.race([failures, clients.then(() => failures)]);
  const outcomes = await clients;
  await cluster.withClerk(async (clerk) => {
    await clerk.put('aaa', 'bbb');
    await expectValue(clerk, 'aaa', 'bbb');
  });
  await cluster.expectAgreement();
  return outcomes;
}

/** One of a few keys that no other client uses. */
const ownKey = (number: number, random: Random): string => `${number} ${random.below(keysPerClient)}`;

async function putsAndGets({ number, clerk, random, goesOn }: Client): Promise<void> {
  const held = new Map<string, string>();
  while (goesOn()) {
    const key = ownKey(number, random);
    const wanted = held.get(key);
    if (wanted !== undefined) await expectValue(clerk, key, wanted);
    const value = randomNumeral(random);
    await clerk.put(key, value);
    held.set(key, value);
    await sleep(pauseMs);
  }
}

/** Every value depends on all before, so a write that was lost or ran twice shows for good. */
async function hashChain({ number, clerk, random, goesOn }: Client): Promise<void> {
  const held = new Map<string, string>();
  while (goesOn()) {
    const key = ownKey(number, random);
    const link = await putHashLink.write(clerk, key, held.get(key) ?? '', randomNumeral(random));
    await expectValue(clerk, key, link);
    held.set(key, link);
    await sleep(pauseMs);
  }
}

/** Answers how many tags it has appended to the key that all share. */
async function tags({ number, clerk, goesOn }: Client): Promise<number> {
  let count = 0;
  while (goesOn()) {
    await clerk.append('k', tag(number, count));
    count += 1;
    await sleep(pauseMs);
  }
  return count;
}

describe('primary-backup', () => {
  const churn = (title: string, body: (cluster: PrimaryBackupCluster, random: Random) => Promise<unknown>) =>
    scenario(suite, title, timeoutMs, ({ random, observe }) =>
      PrimaryBackupCluster.with({ serverCount, random }, async (cluster) => {
        await body(observe(cluster), random);
      }),
    );

  churn('Repeated failures/restarts', (cluster, random) =>
    throughFailures(cluster, random, false, putsAndGets),
  );

  churn('Repeated failures/restarts; unreliable', (cluster, random) =>
    throughFailures(cluster, random, true, hashChain),
  );

  churn(
    'Repeated failures/restarts with concurrent updates to same key; unreliable',
    async (cluster, random) => {
      const counts = await throughFailures(cluster, random, true, tags);
      await cluster.withClerk(async (clerk) => expectAllTags(await clerk.get('k'), counts));
    },
  );
});
