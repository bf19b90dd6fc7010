import type { Clerk } from '../../src/index.js';
import { expect } from 'chai';
import { nextLink } from '../support/fnv-twin.js';
import { KvpaxosCluster, expectSameValue, expectValue } from './kvpaxos-cluster.js';
import { heads, ownStream, randomNumeral } from './random-choices.js';
import { randomFor, scenario } from './report.js';

const suite = 'kvpaxos';
const timeoutMs = 60_000;
const rounds = 20;
/** The greatest number of all known variants. */
const clientsPerRound = 30;

/** What Put through one server leaves must be seen through another at once. */
async function putAndGet(all: Clerk, each: readonly Clerk[]): Promise<void> {
  await all.put('a', 'aa');
  await expectValue(all, 'a', 'aa');
  await each[1]!.put('a', 'aaa');
  await expectValue(each[2]!, 'a', 'aaa');
  await expectValue(each[1]!, 'a', 'aaa');
  await expectValue(all, 'a', 'aaa');
}

/** The tests of this group follow one another on one cluster. */
describe('kvpaxos', () => {
  let cluster: KvpaxosCluster;
  let all: Clerk;
  let each: readonly Clerk[];

  before(async () => {
    cluster = await KvpaxosCluster.start({ serverCount: 3, random: randomFor('basic') });
    all = cluster.clerk();
    each = cluster.clerkForEach();
  });
  after(() => cluster.close());

  scenario(suite, 'Basic put/puthash/get', timeoutMs, async ({ observe }) => {
    observe(cluster);
    expect(await all.putHash('a', 'x')).to.equal('');
    await expectValue(all, 'a', nextLink('', 'x'));
    await putAndGet(all, each);
  });

  scenario(suite, 'Basic put/append/get', timeoutMs, async ({ observe }) => {
    observe(cluster);
    await all.append('app', 'x');
    await all.append('app', 'y');
    await expectValue(all, 'app', 'xy');
    await putAndGet(all, each);
  });

  scenario(suite, 'Concurrent clients', timeoutMs, async ({ random, observe }) => {
    observe(cluster);
    for (let round = 0; round < rounds; round += 1) {
      const clients = Array.from({ length: clientsPerRound }, () => {
        const own = ownStream(random);
        return cluster.withClerk([own.below(3)], async (clerk) => {
          if (heads(own)) await clerk.put('b', randomNumeral(own));
          else await clerk.get('b');
        });
      });
      await Promise.all(clients);
      await expectSameValue(each, 'b');
    }
  });
});
