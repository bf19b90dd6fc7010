import { expect } from 'chai';
import type { BaseClerk } from '../../src/clerk/base-clerk.js';
import { chainHash } from '../../src/kv/hash.js';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import { seededRandom } from '../../src/runtime/random.js';
import type { OmnipaxosEngine } from '../../src/server/omnipaxos-engine.js';
import { driven } from '../support/driven.js';
import { fakeOmnipaxos } from '../support/fake-engine.js';
import { FakeWorld } from '../support/fake-world.js';

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const seedCount = Number(process.env['SYNOD_SEEDS'] ?? 3);
const badTimeMs = 15_000;
const ids = [1, 2, 3].map(replicaId);

/** Disks that are full for a while, at random, and replicas that are cut off or whose power goes meanwhile. */
class FullDisks {
  writes = 0;
  /** How often a look found a replica that says it has no space. */
  full = 0;
  #isOver = false;

  constructor(
    readonly world: FakeWorld<OmnipaxosEngine>,
    readonly seed: number,
  ) {}

  async live(): Promise<void> {
    const random = seededRandom(this.seed);
    const { world } = this;
    const { clock } = world;
    const clerks = ['first', 'second'].map((name, index) => this.#write(world.clerk(name), index, 0, ''));
    while (clock.now() < badTimeMs) {
      await clock.sleep(random.between(50, 1000));
      if ([...world.replicas.values()].some((replica) => isFull(replica.status().trouble))) this.full += 1;
      const id = replicaId(1 + random.below(3));
      const other = replicaId((id % 3) + 1);
      switch (random.below(6)) {
        case 0:
          world.cut(id, other);
          break;
        case 1:
          world.heal();
          break;
        case 2:
          world.crash(id);
          this.#empty(id);
          await clock.sleep(random.between(10, 400));
          await world.restart(id);
          break;
        case 3:
          for (const each of ids) this.#empty(each);
          break;
        default:
          this.#fill(id);
      }
    }
    world.heal();
    for (const id of ids) this.#empty(id);
    const before = this.writes;
    await clock.sleep(5_000);
    expect(this.writes - before, `writes of seed ${this.seed} once there is space`).to.be.above(50);
    this.#isOver = true;
    await Promise.all(clerks);
  }

  #fill(id: ReplicaId): void {
    const disk = this.world.disks.get(id);
    if (disk !== undefined) disk.capacityBytes = disk.usedBytes;
  }

  #empty(id: ReplicaId): void {
    const disk = this.world.disks.get(id);
    if (disk !== undefined) disk.capacityBytes = Infinity;
  }

  /** Writes on until the bad time is over, and holds every answer against its own. */
  async #write(clerk: BaseClerk, index: number, write: number, expected: string): Promise<void> {
    if (this.#isOver) return;
    const value = `${write} `.padEnd(200, 'x');
    const previous = await clerk.putHash(`key ${index}`, value);
    expect(previous, `write ${write} of clerk ${index}`).to.equal(expected);
    this.writes += 1;
    await this.#write(clerk, index, write + 1, chainHash(expected, value));
  }
}

const isFull = (trouble: string): boolean => trouble.includes('the disk is full');

describe('replicas of the omnipaxos engine whose disks are full for a while', () => {
  it('keep every acknowledged write, once and in order, and take writes again when there is space', async function () {
    this.timeout(30_000 * seedCount);
    let writes = 0;
    for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
      const world = await FakeWorld.createOf(fakeOmnipaxos, {
        seed,
        replicaCount: 3,
        loss: 0.02,
        streamBreaks: 0.002,
        delayLimitMs: 10,
        disks: true,
        checkpointIntervalSlots: 16,
      });
      const disks = new FullDisks(world, seed);
      await driven(world, disks.live()).catch((error: unknown) => {
        throw new Error(`seed ${seed}`, { cause: error });
      });
      writes += disks.writes;
      expect(disks.full, `full disks of seed ${seed}`).to.be.above(0);
    }
    console.log(`    seeds ${firstSeed} to ${firstSeed + seedCount - 1}, ${writes} writes`);
  });
});
