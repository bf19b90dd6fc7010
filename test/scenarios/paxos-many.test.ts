import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { scenario } from './report.js';
import { waitUntil } from './wait-until.js';

const suite = 'paxos';
const timeoutMs = 120_000;

/** Long enough for the last messages to arrive, and for anything that talks when idle to be caught. */
const idleMs = 2000;

/** Generous: the suite sets no limit to these tests, and one is needed lest they never end. */
const agreementLimitMs = 60_000;

const waitUntilAllKnow = (cluster: PaxosCluster, slot: number): Promise<void> =>
  waitUntil(
    `all know slot ${slot}`,
    agreementLimitMs,
    () => cluster.decidedCount(slot) === cluster.peerCount,
  );

/** Every peer proposes a value of its own for each slot, with up to `window` slots undecided. */
async function manyInstances(cluster: PaxosCluster, slotCount: number, window: number): Promise<void> {
  for (const index of cluster.indices) cluster.propose(index, 0, '0');
  for (let slot = 1; slot < slotCount; slot += 1) {
    if (slot >= window) await waitUntilAllKnow(cluster, slot - window);
    for (const index of cluster.indices) cluster.propose(index, slot, String(slot * 10 + index));
  }
  for (let slot = 1; slot < slotCount; slot += 1) {
    await waitUntilAllKnow(cluster, slot);
    const values = cluster.indices.map((index) => String(slot * 10 + index));
    expect(cluster.decidedValue(0, slot)).to.be.oneOf(values);
  }
}

describe('paxos', () => {
  scenario(suite, "RPC counts aren't too high", timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      const instanceCount = 5;
      let slot = 0;
      for (; slot < instanceCount; slot += 1) {
        cluster.propose(0, slot, 'x');
        await cluster.waitForAll(slot);
      }
      await sleep(100);
      const serialCount = cluster.rpcCount;
      // Prepare, Accept and Decide to each of two others: one's own acceptor is called, not dialled.
      expect(serialCount).to.equal(instanceCount * 2 * 3);
      expect(serialCount).to.be.at.most(45);
      await sleep(idleMs);
      expect(cluster.rpcCount, 'silent when idle').to.equal(serialCount);

      for (; slot < 2 * instanceCount; slot += 1) {
        for (const index of cluster.indices) cluster.propose(index, slot, String(slot * 10 + index));
        await cluster.waitForAll(slot);
      }
      await sleep(idleMs);
      const contendedCount = cluster.rpcCount - serialCount;
      console.log(`  ${serialCount} RPCs alone, ${contendedCount} in contention`);
      expect(contendedCount).to.be.at.most(135);
    }),
  );

  scenario(suite, 'Many instances', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, (cluster) => manyInstances(observe(cluster), 50, 5)),
  );

  scenario(suite, 'Minority proposal ignored', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 5, made: [1, 2, 3], random }, async (cluster) => {
      observe(cluster);
      cluster.propose(1, 1, '111');
      await cluster.waitForMajority(1);
      await cluster.make(0);
      cluster.propose(0, 1, '222');
      await cluster.waitForDecided(1, 4);
      for (const index of [0, 1, 2, 3]) expect(cluster.decidedValue(index, 1)).to.equal('111');
    }),
  );

  scenario(suite, 'Many instances, unreliable RPC', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, (cluster) => {
      cluster.faults.setAllUnreliable(true);
      return manyInstances(observe(cluster), 50, 3);
    }),
  );
});
