import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { scenario } from './report.js';

const suite = 'paxos';
const timeoutMs = 60_000;

/** Long enough for anything that was sent to arrive. */
const quietMs = 1000;

const mins = (cluster: PaxosCluster): number[] => cluster.peers.map((peer) => peer.min());

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
      expect(mins(cluster)).to.deep.equal([1, 1, 1]);
    }),
  );

  scenario(suite, 'Forgetting waits for a peer that was never heard', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, made: [0, 1], random }, async (cluster) => {
      observe(cluster);
      cluster.propose(0, 0, 'x');
      await cluster.waitForDecided(0, 2);
      for (const peer of cluster.peers) peer.done(0);
      for (const slot of [1, 2]) {
        cluster.propose(0, slot, 'x');
        await cluster.waitForDecided(slot, 2);
      }
      expect(mins(cluster)).to.deep.equal([0, 0]);
      await cluster.make(2);
      cluster.propose(2, 0, 'late');
      await cluster.waitForAll(0);
      expect(cluster.decidedValue(2, 0)).to.equal('x');
    }),
  );

  scenario(suite, 'Forgetting an instance that is proposed', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      cluster.faults.partition([0], [1, 2]);
      cluster.propose(0, 0, 'x');
      cluster.propose(1, 1, 'x');
      await cluster.waitForDecided(1, 2);
      for (const peer of cluster.peers) peer.done(1);
      // Peers 1 and 2 tell each other of that.
      for (const slot of [2, 3]) {
        cluster.propose(1, slot, 'x');
        await cluster.waitForDecided(slot, 2);
      }
      // Peer 0 still asks about slot 0, and whomever it reaches forgets that slot as it asks.
      cluster.faults.heal();
      await sleep(quietMs);
      expect(mins(cluster)).to.deep.equal([2, 2, 2]);
      for (const peer of cluster.peers) expect(peer.status(0)).to.deep.equal({ kind: 'forgotten' });
      const held = cluster.peers.map((peer) => peer.heldInstances);
      expect(held, 'only slots 2 and 3, and not at the peer that has not heard of them').to.deep.equal([
        0, 2, 2,
      ]);
      const { rpcCount } = cluster;
      await sleep(quietMs);
      expect(cluster.rpcCount, 'the proposer has ended').to.equal(rpcCount);
    }),
  );

  scenario(suite, 'Paxos Max() after all is forgotten', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      const last = 10;
      const late = 5;
      for (let slot = 0; slot <= last; slot += 1) {
        if (slot === late) continue;
        cluster.propose(0, slot, 'x');
        await cluster.waitForAll(slot);
      }
      for (const peer of cluster.peers) peer.done(last);
      // What is said about the slot left out carries the Done values, and leaves Max where it was.
      for (const index of cluster.indices) cluster.propose(index, late, 'x');
      await sleep(quietMs);
      expect(mins(cluster)).to.deep.equal([last + 1, last + 1, last + 1]);
      for (const peer of cluster.peers) expect(peer.max()).to.equal(last);
    }),
  );

  scenario(suite, 'Start repeated on one instance', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      for (const value of ['first', 'second', 'third']) cluster.propose(0, 0, value);
      await cluster.waitForAll(0);
      for (const index of cluster.indices) cluster.propose(index, 0, 'fourth');
      await sleep(quietMs);
      expect(cluster.rpcCount, 'one agreement').to.equal(6);
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
