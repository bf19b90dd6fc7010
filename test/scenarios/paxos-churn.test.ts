import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/runtime/random.js';
import { PaxosCluster } from './paxos-cluster.js';
import { disturbedMs, scenario } from './report.js';

const suite = 'paxos';
const timeoutMs = 240_000;
const healedMs = 5000;
/** New slots are started while fewer than this are not yet known to all. */
const undecidedLimit = 10;

const churnMs = disturbedMs(20_000);
/** A partition is held for less than this. */
const holdBelowMs = 200;
/** Slots are started, and all of them compared, with gaps below this. */
const gapBelowMs = 300;

/** Five unreliable peers, drawn into three groups again and again, while all of them propose for every slot. */
async function changePartitions(cluster: PaxosCluster, random: Random): Promise<void> {
  cluster.faults.setAllUnreliable(true);
  const endMs = performance.now() + churnMs;
  const churning = () => performance.now() < endMs;
  let slotCount = 0;

  const repartition = async () => {
    while (churning()) {
      const groups: number[][] = [[], [], []];
      for (const index of cluster.indices) groups[random.below(groups.length)]!.push(index);
      cluster.faults.partition(...groups);
      await sleep(random.below(holdBelowMs));
    }
  };
  const undecidedCount = (): number => {
    let count = 0;
    for (let slot = 0; slot < slotCount; slot += 1) {
      if (cluster.decidedCount(slot) < cluster.peerCount) count += 1;
    }
    return count;
  };
  const request = async () => {
    while (churning()) {
      if (undecidedCount() < undecidedLimit) {
        for (const index of cluster.indices) cluster.propose(index, slotCount, String(random.below(10)));
        slotCount += 1;
      }
      await sleep(random.below(gapBelowMs));
    }
  };
  const scan = async () => {
    while (churning()) {
      undecidedCount();
      await sleep(random.below(gapBelowMs));
    }
  };
  await Promise.all([repartition(), request(), scan()]);

  cluster.faults.setAllUnreliable(false);
  cluster.faults.heal();
  await sleep(healedMs);
  for (let slot = 0; slot < slotCount; slot += 1) await cluster.waitForMajority(slot);
  console.log(`  ${slotCount} slots`);
}

describe('paxos', () => {
  scenario(suite, 'Many requests, changing partitions', timeoutMs, ({ random, observe }) =>
    PaxosCluster.with({ peerCount: 5, random }, (cluster) => changePartitions(observe(cluster), random)),
  );
});
