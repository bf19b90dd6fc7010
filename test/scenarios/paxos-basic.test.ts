import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { randomFor, scenario } from './report.js';

const suite = 'paxos';
const timeoutMs = 60_000;

describe('paxos', () => {
  scenario(suite, 'speed', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 3, random }, async (cluster) => {
      observe(cluster);
      const startMs = performance.now();
      for (let slot = 0; slot < 20; slot += 1) {
        cluster.propose(0, slot, 'x');
        await cluster.waitForAll(slot);
      }
      const seconds = (performance.now() - startMs) / 1000;
      console.log(`  20 agreements ${seconds.toFixed(3)} seconds`);
    }),
  );
});

describe('paxos', () => {
  let cluster: PaxosCluster;

  before(async () => {
    cluster = await PaxosCluster.start({ peerCount: 3, random: randomFor('basic') });
  });
  after(() => cluster.close());

  scenario(suite, 'Single proposer', timeoutMs, async ({ observe }) => {
    observe(cluster);
    cluster.propose(0, 0, 'hello');
    await cluster.waitForAll(0);
    expect(cluster.decidedValue(1, 0)).to.equal('hello');
  });

  scenario(suite, 'Many proposers, same value', timeoutMs, async ({ observe }) => {
    observe(cluster);
    for (const index of cluster.indices) cluster.propose(index, 1, '77');
    await cluster.waitForAll(1);
    expect(cluster.decidedValue(1, 1)).to.equal('77');
  });

  scenario(suite, 'Many proposers, different values', timeoutMs, async ({ observe }) => {
    observe(cluster);
    for (const index of cluster.indices) cluster.propose(index, 2, String(100 + index));
    await cluster.waitForAll(2);
    expect(cluster.decidedValue(0, 2)).to.be.oneOf(['100', '101', '102']);
  });

  scenario(suite, 'Out-of-order instances', timeoutMs, async ({ observe }) => {
    observe(cluster);
    cluster.propose(0, 7, '700');
    cluster.propose(0, 6, '600');
    cluster.propose(1, 5, '500');
    await cluster.waitForAll(7);
    cluster.propose(0, 4, '400');
    cluster.propose(1, 3, '300');
    for (const slot of [6, 5, 4, 3]) await cluster.waitForAll(slot);
    expect(cluster.peer(0).max()).to.equal(7);
  });
});
