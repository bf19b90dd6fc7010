import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { scenario } from './report.js';
import { settledHeapBytes } from './heap.js';
import type { Random } from '../../src/runtime/random.js';

const suite = 'paxos';
const timeoutMs = 120_000;

const mins = (cluster: PaxosCluster): number[] => cluster.peers.map((peer) => peer.min());

const letters = 'abcdefghijklmnopqrstuvwxyz';
const randomText = (random: Random, length: number): string => {
  const codes = Buffer.alloc(length);
  for (let index = 0; index < length; index += 1) codes[index] = letters.charCodeAt(random.below(26));
  return codes.toString('latin1');
};

describe('paxos', () => {
  scenario(suite, 'Forgetting', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 6, random }, async (cluster) => {
      observe(cluster);
      for (const min of mins(cluster)) expect(min).to.be.at.most(0);

      cluster.propose(0, 0, '00');
      cluster.propose(1, 1, '11');
      cluster.propose(2, 2, '22');
      cluster.propose(0, 6, '66');
      cluster.propose(1, 7, '77');
      await cluster.waitForAll(0);
      expect(mins(cluster)).to.deep.equal([0, 0, 0, 0, 0, 0]);
      await cluster.waitForAll(1);
      expect(mins(cluster)).to.deep.equal([0, 0, 0, 0, 0, 0]);

      for (const peer of cluster.peers) peer.done(0);
      for (const index of [1, 2, 3, 4, 5]) cluster.peer(index).done(1);
      for (const index of cluster.indices) cluster.propose(index, 8 + index, 'xx');
      for (let poll = 0; poll < 12 && mins(cluster).some((min) => min !== 1); poll += 1) await sleep(1000);
      expect(mins(cluster)).to.deep.equal([1, 1, 1, 1, 1, 1]);
    }),
  );

  scenario(suite, 'Lots of forgetting', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      const slotCount = 20;
      const workMs = 5000;
      cluster.faults.setAllUnreliable(true);
      const highestDone = cluster.indices.map(() => -1);

      const slots = Array.from({ length: slotCount }, (_, slot) => slot);
      for (let last = slotCount - 1; last > 0; last -= 1) {
        const other = random.below(last + 1);
        [slots[last], slots[other]] = [slots[other]!, slots[last]!];
      }
      const proposing = async () => {
        for (const slot of slots) {
          cluster.propose(random.below(3), slot, String(random.below(2 ** 31)));
          await sleep(0);
        }
      };
      const forgetting = async () => {
        const endMs = performance.now() + workMs;
        while (performance.now() < endMs) {
          await sleep(0);
          const slot = random.below(slotCount);
          const index = random.below(3);
          const peer = cluster.peer(index);
          if (slot < peer.min() || peer.status(slot).kind !== 'decided') continue;
          peer.done(slot);
          highestDone[index] = Math.max(highestDone[index]!, slot);
          // A smaller Done after a greater one takes nothing back.
          expect(peer.roster.done.throughOf(peer.roster.me)).to.equal(highestDone[index]);
        }
      };
      await Promise.all([proposing(), forgetting()]);

      cluster.faults.setAllUnreliable(false);
      await sleep(2000);
      for (let slot = 0; slot < slotCount; slot += 1) cluster.decidedCount(slot);
      for (const peer of cluster.peers) {
        expect(peer.min()).to.be.at.most(Math.min(...highestDone) + 1);
        expect(peer.openInstances().map(([slot]) => slot)).to.satisfy((open: number[]) =>
          open.every((slot) => slot >= peer.min()),
        );
      }
      const rpcCount = cluster.rpcCount;
      await sleep(1000);
      expect(cluster.rpcCount, 'no proposer is left spinning').to.equal(rpcCount);
    }),
  );

  scenario(suite, 'Paxos frees forgotten instance memory', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      cluster.propose(0, 0, 'x');
      await cluster.waitForAll(0);
      const emptyBytes = await settledHeapBytes();

      for (let slot = 1; slot <= 10; slot += 1) {
        cluster.propose(0, slot, randomText(random, 1_000_000));
        await cluster.waitForAll(slot);
      }
      const fullBytes = await settledHeapBytes();

      for (const peer of cluster.peers) peer.done(10);
      for (const index of cluster.indices) cluster.propose(index, 11 + index, 'z');
      await sleep(3000);
      expect(mins(cluster)).to.deep.equal([11, 11, 11]);
      const freedBytes = await settledHeapBytes();
      const [grownBytes, leftBytes] = [fullBytes - emptyBytes, freedBytes - emptyBytes];
      console.log(`  grew by ${(grownBytes / 1e6).toFixed(1)} MB, kept ${(leftBytes / 1e6).toFixed(1)} MB`);
      expect(grownBytes, 'three peers held the values').to.be.at.least(25e6);
      expect(leftBytes, 'and let them go').to.be.at.most(grownBytes / 2);

      for (const index of cluster.indices) {
        for (const slot of [0, 1, 2]) {
          expect(cluster.peer(index).status(slot)).to.deep.equal({ kind: 'forgotten' });
          cluster.propose(index, slot, randomText(random, 20));
        }
      }
      await sleep(1000);
      for (const peer of cluster.peers) {
        for (const slot of [0, 1, 2]) expect(peer.status(slot)).to.deep.equal({ kind: 'forgotten' });
      }
    }),
  );

  scenario(suite, 'Paxos Max() after Done()s', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      for (let slot = 0; slot <= 10; slot += 1) {
        cluster.propose(0, slot, 'x');
        await cluster.waitForAll(slot);
      }
      for (const peer of cluster.peers) peer.done(10);
      // Each peer's messages about this slot tell the others of its Done value.
      for (const index of cluster.indices) cluster.propose(index, 10, 'z');
      await sleep(2000);
      for (const peer of cluster.peers) expect(peer.max()).to.equal(10);
    }),
  );
});
