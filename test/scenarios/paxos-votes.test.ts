import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { PaxosCluster } from './paxos-cluster.js';
import { scenario } from './report.js';
import { waitUntil } from './wait-until.js';

const suite = 'paxos';
const timeoutMs = 60_000;

/** Calls in flight at a cut are over by then. */
const inFlightMs = 100;

const hasVoted = (cluster: PaxosCluster, index: number, slot: number): boolean =>
  cluster
    .peer(index)
    .openInstances()
    .some(
      ([open, { acceptor }]) => open === slot && acceptor.phase === 'open' && acceptor.vote !== undefined,
    );

/**
 * Leaves two peers that voted for "y", which was chosen, one that voted for "x" before, and nobody in reach who
 * knows: then `finder` proposes a third value.
 */
async function findChosenValue(cluster: PaxosCluster, slot: number, finder: number): Promise<void> {
  const { faults } = cluster;
  faults.heal();
  faults.loseAt([1, 2, 4], 'Accept');
  cluster.propose(0, slot, 'x');
  await waitUntil('peer 3 votes for "x"', 10_000, () => hasVoted(cluster, 3, slot));
  faults.partition([1, 2, 4]);
  await sleep(inFlightMs);

  faults.loseAt([1, 2, 4], 'Decide');
  cluster.propose(4, slot, 'y');
  await cluster.waitForDecided(slot, 1);
  faults.partition([1, 2, 3]);
  await sleep(inFlightMs);
  expect(cluster.decidedCount(slot), 'only the proposer of "y" knows').to.equal(1);

  faults.loseAt([1, 2, 4]);
  cluster.propose(finder, slot, 'z');
  await cluster.waitForDecided(slot, 4);
  expect(cluster.decidedValue(finder, slot)).to.equal('y');
}

describe('paxos', () => {
  scenario(suite, 'A chosen value is found by its votes', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 5, random }, async (cluster) => {
      observe(cluster);
      // The vote for "x" is the last that peer 1 hears of, and the first that peer 3 does.
      await findChosenValue(cluster, 0, 1);
      await findChosenValue(cluster, 1, 3);
    }),
  );
});
