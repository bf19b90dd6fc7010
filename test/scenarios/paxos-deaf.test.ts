import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { CutMode } from './link-faults.js';
import { PaxosCluster } from './paxos-cluster.js';
import { scenario } from './report.js';

const suite = 'paxos';
const timeoutMs = 120_000;

/** How long a decision is given to reach a peer that must not hear it. */
const spreadMs = 1000;

/** Peers 0 and 4 hear nothing, but what they say is heard. */
async function deafProposers(cluster: PaxosCluster, cutMode: CutMode): Promise<void> {
  cluster.propose(0, 0, 'hello');
  await cluster.waitForAll(0);
  cluster.faults.setCutMode(cutMode);
  cluster.faults.setDeaf(0, true);
  cluster.faults.setDeaf(4, true);

  cluster.propose(1, 1, 'goodbye');
  await cluster.waitForMajority(1);
  await sleep(spreadMs);
  expect(cluster.decidedCount(1), 'none of the deaf').to.equal(3);

  cluster.propose(0, 1, 'xxx');
  await cluster.waitForDecided(1, 4);
  await sleep(spreadMs);
  expect(cluster.decidedCount(1), 'all but the deaf peer that has not asked').to.equal(4);

  cluster.propose(4, 1, 'yyy');
  await cluster.waitForAll(1);
  expect(cluster.decidedValue(4, 1)).to.equal('goodbye');
}

describe('paxos', () => {
  scenario(suite, 'Deaf proposer', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 5, random }, (cluster) => deafProposers(observe(cluster), 'fail-at-once')),
  );

  scenario(suite, 'Deaf proposer, calls to the deaf hang', timeoutMs, ({ random, observe }) => {
    // Longer than the test may take: whoever waits for the deaf to answer does not decide in time.
    const roundTimeoutMs = 30_000;
    const limitMs = 10_000;
    return PaxosCluster.with({ peerCount: 5, random, roundTimeoutMs }, async (cluster) => {
      const startMs = performance.now();
      await deafProposers(observe(cluster), 'black-hole');
      expect(performance.now() - startMs).to.be.below(limitMs);
    });
  });
});
