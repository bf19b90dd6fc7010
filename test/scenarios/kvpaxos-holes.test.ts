import { setTimeout as sleep } from 'node:timers/promises';
import { KvpaxosCluster, expectValue } from './kvpaxos-cluster.js';
import { heads, ownStream, randomNumeral } from './random-choices.js';
import { repetitions, scenario } from './report.js';
import type { Random } from '../../src/runtime/random.js';

const suite = 'kvpaxos';
const timeoutMs = 120_000;
const rounds = repetitions(5);
const clientCount = 10;
const undisturbedMs = 3000;

/** Writes and reads a key of its own, now through server 0 and now through server 1, as long as it may. */
async function client(
  cluster: KvpaxosCluster,
  key: string,
  random: Random,
  goesOn: () => boolean,
): Promise<void> {
  await cluster.withClerk([0], (first) =>
    cluster.withClerk([1], async (second) => {
      let last = '';
      await first.put(key, last);
      while (goesOn()) {
        const clerk = heads(random) ? first : second;
        if (heads(random)) {
          const value = randomNumeral(random);
          await clerk.put(key, value);
          last = value;
        } else {
          await expectValue(clerk, key, last);
        }
      }
    }),
  );
}

describe('kvpaxos', () => {
  scenario(suite, 'Tolerates holes in paxos sequence', timeoutMs, ({ random, observe }) =>
    KvpaxosCluster.with({ serverCount: 5, random }, async (cluster) => {
      observe(cluster);
      for (let round = 0; round < rounds; round += 1) {
        cluster.faults.heal();
        const through2 = cluster.clerk(2);
        await through2.put('q', 'q');

        let goesOn = true;
        const clients = Promise.all(
          Array.from({ length: clientCount }, (_, key) =>
            client(cluster, String(key), ownStream(random), () => goesOn),
          ),
        );
        try {
          await Promise.race([sleep(undisturbedMs), clients]);
          // The minority is stopped in the middle of its agreements; the majority must get past them.
          cluster.faults.partition([2, 3, 4], [0, 1]);
          await expectValue(through2, 'q', 'q');
          await through2.put('q', 'qq');
          await expectValue(through2, 'q', 'qq');
        } finally {
          cluster.faults.heal();
          goesOn = false;
          await clients;
        }
        await expectValue(through2, 'q', 'qq');
      }
    }),
  );
});
