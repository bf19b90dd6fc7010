import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { turns } from '../support/fake-clock.js';
import { LogWorld } from '../support/log-world.js';

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = 40;
const operations = 60;

interface Tally {
  reads: number;
  unanswered: number;
  /** Reads that showed more than had been answered when they began. */
  ahead: number;
}

/**
 * Writers write 1, 2, 3, … and readers read, on random replicas. A read must show at least every write that was answered
 * before it began, and no less than any read that ended before it began.
 */
async function live(seed: number, replicaCount: number, tally: Tally): Promise<void> {
  const world = new LogWorld({ seed, replicaCount, loss: seed % 2 === 0 ? 0.15 : 0, delayLimitMs: 30 });
  const choices = seededRandom(seed + 1);
  let [written, answered, lastRead, underWay] = [0, 0, 0, 0];
  const write = async (index: number) => {
    written += 1;
    const value = written;
    if (await world.write(index, value)) answered = Math.max(answered, value);
  };
  const read = async (index: number) => {
    const least = Math.max(answered, lastRead);
    const value = await world.read(index);
    if (value === undefined) {
      tally.unanswered += 1;
      return;
    }
    expect(value, `seed ${seed}: a read at replica ${index + 1}`).to.be.at.least(least);
    if (value > least) tally.ahead += 1;
    lastRead = Math.max(lastRead, value);
    tally.reads += 1;
  };
  const failures: unknown[] = [];
  for (let operation = 0; operation < operations; operation += 1) {
    const index = choices.below(replicaCount);
    underWay += 1;
    (choices.below(3) === 0 ? write(index) : read(index))
      .catch((error: unknown) => failures.push(error))
      .finally(() => (underWay -= 1));
    if (choices.below(10) === 0) {
      world.cut.clear();
      if (choices.below(2) === 0) world.cut.add(1 + choices.below(replicaCount));
    }
    world.clock.advance(choices.between(0, 40));
    await turns();
    if (failures.length > 0) break;
  }
  world.cut.clear();
  await world.clock.runUntil(() => underWay === 0 || failures.length > 0, 60_000);
  await world.close();
  if (failures.length > 0) throw failures[0];
  expect(world.failures).to.deep.equal([]);
}

describe('reads behind the barrier', () => {
  for (const replicaCount of [3, 5]) {
    it(`show all that was answered before they began, with ${replicaCount} replicas and messages late and lost`, async () => {
      console.log(`    seed ${firstSeed}`);
      const tally: Tally = { reads: 0, unanswered: 0, ahead: 0 };
      for (let run = 0; run < runs; run += 1) await live(firstSeed + run, replicaCount, tally);
      expect(tally.reads).to.be.above((runs * operations) / 3);
      expect(tally.ahead, 'reads that overlapped a write').to.be.above(20);
      expect(tally.unanswered, 'of replicas that were cut off').to.be.below(tally.reads / 4);
    });
  }
});
