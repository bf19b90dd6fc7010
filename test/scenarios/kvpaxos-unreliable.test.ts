import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import { chainForms } from './chain-form.js';
import { KvpaxosCluster, expectSameValue, expectValue } from './kvpaxos-cluster.js';
import { heads, ownStream, randomNumeral, shuffled } from './random-choices.js';
import { randomFor, scenario } from './report.js';
import { expectAllTags, tag } from './tags.js';

const suite = 'kvpaxos';
const timeoutMs = 120_000;
/** Short, so that a write that is under way at one server comes to another as well. */
const attemptTimeoutMs = 1000;
const chainRounds = 6;
const chainClients = 5;
const rounds = 20;
const clientsPerRound = 15;
const appendClients = 5;
const appendsPerClient = 5;

/** The tests of this group follow one another on one cluster. */
describe('kvpaxos', () => {
  describe('Unreliable', () => {
    let cluster: KvpaxosCluster;
    let each: readonly Clerk[];

    before(async () => {
      cluster = await KvpaxosCluster.start({
        serverCount: 3,
        random: randomFor('unreliable'),
        attemptTimeoutMs,
      });
      cluster.faults.setAllUnreliable(true);
      each = cluster.clerkForEach();
    });
    after(() => cluster.close());

    scenario(suite, 'Basic put/get, unreliable', timeoutMs, async ({ observe }) => {
      observe(cluster);
      const all = cluster.clerk();
      await all.put('a', 'aa');
      await expectValue(all, 'a', 'aa');
      await each[1]!.put('a', 'aaa');
      await expectValue(each[2]!, 'a', 'aaa');
      await expectValue(each[1]!, 'a', 'aaa');
      await expectValue(all, 'a', 'aaa');
    });

    for (const form of chainForms) {
      describe(form.name, () => {
        scenario(suite, 'Sequence of puts, unreliable', timeoutMs, async ({ random, observe }) => {
          observe(cluster);
          const client = async (key: string, clerk: Clerk): Promise<void> => {
            let held = await clerk.get(key);
            for (const value of ['0', '1', '2']) held = await form.write(clerk, key, held, value);
            await sleep(100);
            await expectValue(clerk, key, held);
            await expectValue(clerk, key, held);
          };
          for (let round = 0; round < chainRounds; round += 1) {
            const clients = Array.from({ length: chainClients }, (_, key) =>
              cluster.withClerk(shuffled(cluster.servers, random), (clerk) => client(String(key), clerk)),
            );
            await Promise.all(clients);
          }
        });
      });
    }

    scenario(suite, 'Concurrent clients, unreliable', timeoutMs, async ({ random, observe }) => {
      observe(cluster);
      for (let round = 0; round < rounds; round += 1) {
        const clients = Array.from({ length: clientsPerRound }, () => {
          const own = ownStream(random);
          return cluster.withClerk(shuffled(cluster.servers, own), async (clerk) => {
            if (heads(own)) await clerk.put('b', randomNumeral(own));
            else await clerk.get('b');
          });
        });
        await Promise.all(clients);
        await expectSameValue(each, 'b');
      }
    });

    scenario(suite, 'Concurrent Append to same key, unreliable', timeoutMs, async ({ random, observe }) => {
      observe(cluster);
      await cluster.withClerk([], (clerk) => clerk.put('k', ''));
      const clients = Array.from({ length: appendClients }, (_, client) =>
        cluster.withClerk(shuffled(cluster.servers, random), async (clerk) => {
          for (let append = 0; append < appendsPerClient; append += 1) {
            await clerk.append('k', tag(client, append));
          }
        }),
      );
      await Promise.all(clients);
      const value = await cluster.withClerk([], (clerk) => clerk.get('k'));
      expectAllTags(value, Array<number>(appendClients).fill(appendsPerClient));
      expect(await expectSameValue(each, 'k')).to.equal(value);
    });
  });
});
