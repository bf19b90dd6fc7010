import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import { KvpaxosCluster, expectValue } from './kvpaxos-cluster.js';
import { PendingCall } from './pending-call.js';
import { randomFor, scenario } from './report.js';

const suite = 'kvpaxos';
const timeoutMs = 60_000;
const minorityWaitMs = 1000;
/** How soon a call that a partition held up must be answered once its server is back in a majority. */
const putAfterHealMs = 3000;
const getAfterHealMs = 10_000;

/** The tests of this group follow one another on one cluster, and each starts from where the last one ended. */
describe('kvpaxos', () => {
  describe('Partitioned servers and client', () => {
    let cluster: KvpaxosCluster;
    let each: readonly Clerk[];
    let stuckPut: PendingCall<void>;
    let stuckGet: PendingCall<string>;

    before(async () => {
      cluster = await KvpaxosCluster.start({ serverCount: 5, random: randomFor('partition') });
      each = cluster.clerkForEach();
    });
    after(() => cluster.close());

    scenario(suite, 'No partition', timeoutMs, async ({ observe }) => {
      observe(cluster);
      await each[0]!.put('1', '12');
      await each[2]!.put('1', '13');
      await expectValue(each[3]!, '1', '13');
    });

    scenario(suite, 'Progress in majority', timeoutMs, async ({ observe }) => {
      observe(cluster);
      cluster.faults.partition([2, 3, 4], [0, 1]);
      await each[2]!.put('1', '14');
      await expectValue(each[4]!, '1', '14');
    });

    scenario(suite, 'No progress in minority', timeoutMs, async ({ observe }) => {
      observe(cluster);
      stuckPut = new PendingCall(each[0]!.put('1', '15'));
      stuckGet = new PendingCall(each[1]!.get('1'));
      await sleep(minorityWaitMs);
      expect(stuckPut.isSettled, 'the Put in the minority has returned').to.equal(false);
      expect(stuckGet.isSettled, 'the Get in the minority has returned').to.equal(false);
      await expectValue(each[4]!, '1', '14');
      await each[3]!.put('1', '16');
      await expectValue(each[4]!, '1', '16');
    });

    scenario(suite, 'Completion after heal', timeoutMs, async ({ observe }) => {
      observe(cluster);
      cluster.faults.partition([0, 2, 3, 4], [1]);
      await stuckPut.within(putAfterHealMs, 'the Put of the healed server');
      expect(stuckGet.isSettled, 'the Get in the minority has returned').to.equal(false);
      await expectValue(each[4]!, '1', '15');
      await expectValue(each[0]!, '1', '15');
      cluster.faults.partition([0, 1, 2], [3, 4]);
      // It was under way all the time, so it may have read any value since it began.
      const read = await stuckGet.within(getAfterHealMs, 'the Get of the healed server');
      expect(read).to.be.oneOf(['14', '15', '16']);
      await expectValue(each[1]!, '1', '15');
    });
  });
});
