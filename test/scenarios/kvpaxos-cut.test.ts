import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { KvpaxosCluster, expectValue } from './kvpaxos-cluster.js';
import { PendingCall } from './pending-call.js';
import { scenario } from './report.js';

const suite = 'kvpaxos';
const timeoutMs = 120_000;
/** So long that waits which double without a limit have outgrown `afterHealMs`. */
const longCutMs = 12_000;
const afterHealMs = 3000;
/** Several of them, since the random waits of one may happen to end just after the heal. */
const clusterCount = 4;

/** Beyond the labs' suite: what their short cuts, whose calls fail at once, do not meet. */
describe('kvpaxos', () => {
  scenario(suite, 'Completion soon after a long cut', timeoutMs, async ({ random, observe }) => {
    const oneCluster = () =>
      KvpaxosCluster.with({ serverCount: 3, random }, async (cluster) => {
        observe(cluster);
        const [first, second] = [cluster.clerk(0), cluster.clerk(1)];
        await first.put('k', 'before');
        cluster.faults.partition([0], [1], [2]);
        const put = new PendingCall(first.put('k', 'after'));
        await sleep(longCutMs);
        expect(put.isSettled, 'the Put has returned without a majority').to.equal(false);
        cluster.faults.heal();
        await put.within(afterHealMs, 'the Put of the healed server');
        await expectValue(second, 'k', 'after');
      });
    await Promise.all(Array.from({ length: clusterCount }, oneCluster));
  });

  scenario(suite, 'Completion after heal, calls over cut links hang', timeoutMs, ({ random, observe }) =>
    KvpaxosCluster.with({ serverCount: 5, random }, async (cluster) => {
      observe(cluster);
      const each = cluster.clerkForEach();
      for (const clerk of each) await clerk.put('1', '13');
      cluster.faults.setCutMode('black-hole');
      cluster.faults.partition([2, 3, 4], [0, 1]);
      // The majority does not wait for the two that are silent.
      const majority = new PendingCall(each[2]!.put('1', '14').then(() => each[4]!.get('1')));
      expect(await majority.within(afterHealMs, 'the majority')).to.equal('14');
      const put = new PendingCall(each[0]!.put('1', '15'));
      const get = new PendingCall(each[1]!.get('1'));
      await sleep(1000);
      expect([put.isSettled, get.isSettled], 'calls in the minority').to.deep.equal([false, false]);
      await each[3]!.put('1', '16');
      cluster.faults.partition([0, 2, 3, 4], [1]);
      await put.within(afterHealMs, 'the Put of the healed server');
      expect(get.isSettled, 'the Get in the minority has returned').to.equal(false);
      await expectValue(each[4]!, '1', '15');
      cluster.faults.heal();
      expect(await get.within(afterHealMs, 'the Get of the healed server')).to.be.oneOf(['14', '15', '16']);
      await expectValue(each[1]!, '1', '15');
    }),
  );
});
