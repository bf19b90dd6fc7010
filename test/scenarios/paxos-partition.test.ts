import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { randomFor, scenario } from './report.js';

const suite = 'paxos';
const timeoutMs = 120_000;
const rounds = 20;

/** The tests of this group follow one another on one cluster, and each starts from where the last one ended. */
describe('paxos', () => {
  let cluster: PaxosCluster;
  let slot = 0;

  before(async () => {
    cluster = await PaxosCluster.start({ peerCount: 5, random: randomFor('partition') });
  });
  after(() => cluster.close());

  scenario(suite, 'No decision if partitioned', timeoutMs, async ({ observe }) => {
    observe(cluster);
    cluster.faults.partition([0, 2], [1, 3], [4]);
    cluster.propose(1, slot, '111');
    await cluster.expectAtMost(slot, 0);
  });

  scenario(suite, 'Decision in majority partition', timeoutMs, async ({ observe }) => {
    observe(cluster);
    // Nobody starts anything: peer 1's proposer must still be at it.
    const { rpcCount } = cluster;
    cluster.faults.partition([0], [1, 2, 3], [4]);
    await sleep(2000);
    await cluster.waitForMajority(slot);
    expect(cluster.rpcCount).to.be.above(rpcCount);
  });

  scenario(suite, 'All agree after full heal', timeoutMs, async ({ observe }) => {
    observe(cluster);
    cluster.propose(0, slot, '1000');
    cluster.propose(4, slot, '1004');
    cluster.faults.heal();
    await cluster.waitForAll(slot);
    expect(cluster.decidedValue(0, slot)).to.equal('111');
  });

  scenario(suite, 'One peer switches partitions', timeoutMs, async ({ observe }) => {
    observe(cluster);
    for (let round = 0; round < rounds; round += 1) {
      slot += 1;
      cluster.faults.partition([0, 1, 2], [3, 4]);
      cluster.propose(0, slot, String(slot * 10));
      cluster.propose(3, slot, String(slot * 10 + 1));
      await cluster.waitForMajority(slot);
      expect(cluster.decidedCount(slot)).to.be.at.most(3);
      cluster.faults.partition([0, 1], [2, 3, 4]);
      await cluster.waitForAll(slot);
    }
  });

  scenario(suite, 'One peer switches partitions, unreliable', timeoutMs, async ({ observe }) => {
    observe(cluster);
    for (let round = 0; round < rounds; round += 1) {
      slot += 1;
      cluster.faults.setAllUnreliable(true);
      cluster.faults.partition([0, 1, 2], [3, 4]);
      for (const index of cluster.indices) cluster.propose(index, slot, String(slot * 10 + index));
      await cluster.waitForDecided(slot, 3);
      expect(cluster.decidedCount(slot)).to.be.at.most(3);
      cluster.faults.partition([0, 1], [2, 3, 4]);
      cluster.faults.setAllUnreliable(false);
      await cluster.waitForAll(slot);
    }
  });
});
