import { expect } from 'chai';
import type { OmnipaxosEngine } from '../../src/server/omnipaxos-engine.js';
import { BareMajorities, cutsOfAll, driven, DurableWorld } from '../support/durable-lives.js';
import { fakeOmnipaxos } from '../support/fake-engine.js';
import { FakeWorld } from '../support/fake-world.js';

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const seedCount = Number(process.env['SYNOD_SEEDS'] ?? 2);
const extraSeeds = 8;

const newWorld = (seed: number, replicaCount: number, loss: number): Promise<FakeWorld<OmnipaxosEngine>> =>
  FakeWorld.createOf(fakeOmnipaxos, {
    seed,
    replicaCount,
    loss,
    duplication: loss,
    streamBreaks: loss / 20,
    // A stream loses nothing while it stands; every other world is worse than that.
    streamLoss: seed % 2 === 0 ? 0 : loss / 10,
    delayLimitMs: 20,
    disks: true,
    checkpointIntervalSlots: 16,
  });

interface Outcome {
  readonly traceHash: string;
  readonly chains: readonly string[];
  readonly crashes: number;
  readonly snapshotsPulled: number;
  readonly snapshotsWritten: number;
  readonly elapsedMs: number;
}

async function live(seed: number, replicaCount: number): Promise<Outcome> {
  const world = await newWorld(seed, replicaCount, 0.1);
  const durable = new DurableWorld(world, seed, replicaCount);
  await driven(world, durable.live()).catch((error: unknown) => {
    throw new Error(`seed ${seed}`, { cause: error });
  });
  return {
    traceHash: world.traceHash(),
    chains: durable.chains,
    crashes: durable.crashes,
    snapshotsPulled: world.told('a snapshot is installed'),
    snapshotsWritten: world.told('a snapshot is written'),
    elapsedMs: world.clock.now(),
  };
}

describe('replicas of the omnipaxos engine whose power is cut at random', () => {
  for (const replicaCount of [3, 5]) {
    it(`keep every acknowledged write, once and in order, and end with one state: ${replicaCount} of them`, async function () {
      const count = replicaCount === 3 ? seedCount : Math.ceil(seedCount / 2);
      // Not every seed keeps a replica away for so long that it has to pull a snapshot; some seed has to.
      const limit = count + extraSeeds;
      this.timeout(10_000 + 20_000 * limit);
      let snapshotsPulled = 0;
      let seed = firstSeed;
      for (; seed < firstSeed + count || (snapshotsPulled === 0 && seed < firstSeed + limit); seed += 1) {
        const outcome = await live(seed, replicaCount);
        expect(outcome.crashes, `power cuts of seed ${seed}`).to.be.at.least(replicaCount);
        expect(outcome.snapshotsWritten, `snapshots of seed ${seed}`).to.be.at.least(1);
        snapshotsPulled += outcome.snapshotsPulled;
      }
      console.log(`    seeds ${firstSeed} to ${seed - 1}, ${snapshotsPulled} snapshots pulled`);
      expect(snapshotsPulled, 'snapshots pulled in all').to.be.at.least(1);
    });
  }

  it('keep every acknowledged write when all lose their power at once, and two of three go on without the third', async function () {
    const count = 2 * seedCount;
    this.timeout(10_000 + 10_000 * count);
    for (let seed = firstSeed; seed < firstSeed + count; seed += 1) {
      const world = await newWorld(seed, 3, 0.2);
      const lives = new BareMajorities(world, seed);
      await driven(world, lives.live()).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      expect(lives.answers, `answers of seed ${seed}`).to.be.above(2 * cutsOfAll);
    }
  });

  it('leave the same trace twice for the same seed, and another for another', async function () {
    this.timeout(60_000);
    const first = await live(firstSeed, 3);
    expect(await live(firstSeed, 3)).to.deep.equal(first);
    expect((await live(firstSeed + 1, 3)).traceHash).to.not.equal(first.traceHash);
  });
});
