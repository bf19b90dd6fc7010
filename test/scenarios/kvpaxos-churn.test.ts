import { setTimeout as sleep } from 'node:timers/promises';
import { chainForms, type ChainForm } from './chain-form.js';
import { KvpaxosCluster, expectValue } from './kvpaxos-cluster.js';
import { heads, ownStream, randomNumeral, shuffled } from './random-choices.js';
import { disturbedMs, scenario } from './report.js';
import type { Random } from '../../src/runtime/random.js';

const suite = 'kvpaxos';
const timeoutMs = 240_000;
/** Short, so that a write that is under way at one server comes to another as well. */
const attemptTimeoutMs = 1000;
const churnMs = disturbedMs(20_000);
const clientCount = 10;
const groupCount = 3;
const holdLimitMs = 200;

async function client(
  cluster: KvpaxosCluster,
  form: ChainForm,
  key: string,
  random: Random,
  goesOn: () => boolean,
): Promise<void> {
  await cluster.withClerk(shuffled(cluster.servers, random), async (clerk) => {
    let held = '';
    await clerk.put(key, held);
    while (goesOn()) {
      if (heads(random)) held = await form.write(clerk, key, held, randomNumeral(random));
      else await expectValue(clerk, key, held);
    }
  });
}

async function repartition(cluster: KvpaxosCluster, random: Random, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    const groups: number[][] = Array.from({ length: groupCount }, () => []);
    for (const server of cluster.servers) groups[random.below(groupCount)]!.push(server);
    cluster.faults.partition(...groups);
    await sleep(random.below(holdLimitMs));
  }
}

describe('kvpaxos', () => {
  for (const form of chainForms) {
    describe(form.name, () => {
      scenario(suite, 'Many clients, changing partitions', timeoutMs, ({ random, observe }) =>
        KvpaxosCluster.with({ serverCount: 5, random, attemptTimeoutMs }, async (cluster) => {
          observe(cluster);
          cluster.faults.setAllUnreliable(true);
          const endMs = performance.now() + churnMs;
          const goesOn = () => performance.now() < endMs;
          const churn = repartition(cluster, ownStream(random), goesOn);
          const clients = Promise.all(
            Array.from({ length: clientCount }, (_, key) =>
              client(cluster, form, String(key), ownStream(random), goesOn),
            ),
          );
          // Clients that are stuck are let go by the heal; one that failed ends the test at once.
          await Promise.race([churn, clients.then(() => churn)]);
          cluster.faults.heal();
          await clients;
        }),
      );
    });
  }
});
