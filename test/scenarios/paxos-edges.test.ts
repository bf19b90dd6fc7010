import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { scenario } from './report.js';

const suite = 'paxos';
const timeoutMs = 60_000;

/** Long enough for anything that was sent to arrive. */
const quietMs = 1000;

describe('paxos', () => {
  scenario(suite, 'Forgetting, peers that only answer', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      cluster.propose(0, 0, 'x');
      await cluster.waitForAll(0);
      for (const peer of cluster.peers) peer.done(0);
      // The first carries the answers' Done values to peer 0, the second carries them on.
      for (const slot of [1, 2]) {
        cluster.propose(0, slot, 'x');
        await cluster.waitForAll(slot);
      }
      await sleep(quietMs);
      expect(cluster.peers.map((peer) => peer.min())).to.deep.equal([1, 1, 1]);
    }),
  );

  scenario(suite, 'Start on a decided instance', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      cluster.propose(0, 0, 'first');
      await cluster.waitForAll(0);
      const { rpcCount } = cluster;
      for (const index of cluster.indices) cluster.propose(index, 0, 'second');
      await sleep(quietMs);
      expect(cluster.rpcCount, 'nobody is asked again').to.equal(rpcCount);
      for (const index of cluster.indices) expect(cluster.decidedValue(index, 0)).to.equal('first');
    }),
  );

  scenario(suite, 'No decision in half of an even cluster', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 4, random }, async (cluster) => {
      observe(cluster);
      cluster.faults.partition([0, 1], [2, 3]);
      for (const index of cluster.indices) cluster.propose(index, 0, String(index));
      await cluster.expectAtMost(0, 0);
      cluster.faults.heal();
      await cluster.waitForAll(0);
    }),
  );
});
