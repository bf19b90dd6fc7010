import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { UnknownIncarnation } from '../../src/server/admission.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { BareMajorities, cutsOfAll, driven, DurableWorld } from '../support/durable-lives.js';
import { FakeWorld } from '../support/fake-world.js';

const checkpointIntervalSlots = 16;

interface Outcome {
  readonly traceHash: string;
  readonly chains: readonly string[];
  readonly crashes: number;
  readonly snapshotsPulled: number;
  readonly snapshotsWritten: number;
  readonly elapsedMs: number;
}

const newWorld = (seed: number, replicaCount: number, loss: number, duplication = loss): Promise<FakeWorld> =>
  FakeWorld.create({
    seed,
    replicaCount,
    loss,
    duplication,
    delayLimitMs: 20,
    disks: true,
    checkpointIntervalSlots,
  });

async function live(seed: number, replicaCount: number): Promise<Outcome> {
  const world = await newWorld(seed, replicaCount, 0.1);
  const durable = new DurableWorld(world, seed, replicaCount);
  await driven(world, durable.live());
  return {
    traceHash: world.traceHash(),
    chains: durable.chains,
    crashes: durable.crashes,
    snapshotsPulled: world.told('a snapshot is installed'),
    snapshotsWritten: world.told('a snapshot is written'),
    elapsedMs: world.clock.now(),
  };
}

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const seedCount = Number(process.env['SYNOD_SEEDS'] ?? 2);
const extraSeeds = 8;

describe('replicas whose power is cut at random', () => {
  for (const replicaCount of [3, 5]) {
    it(`keep every acknowledged write, once and in order, and end with one state: ${replicaCount} of them`, async function () {
      const count = replicaCount === 3 ? seedCount : Math.ceil(seedCount / 2);
      // Not every seed keeps a replica away for so long that it has to pull a snapshot; some seed has to.
      const limit = count + extraSeeds;
      this.timeout(10_000 + 20_000 * limit);
      let snapshotsPulled = 0;
      let seed = firstSeed;
      for (; seed < firstSeed + count || (snapshotsPulled === 0 && seed < firstSeed + limit); seed += 1) {
        const outcome = await live(seed, replicaCount).catch((error: unknown) => {
          throw new Error(`seed ${seed}`, { cause: error });
        });
        expect(outcome.crashes, `power cuts of seed ${seed}`).to.be.at.least(replicaCount);
        expect(outcome.snapshotsWritten, `snapshots of seed ${seed}`).to.be.at.least(replicaCount - 1);
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

  it('leave the same trace twice for the same seed', async () => {
    const first = await live(firstSeed, 3);
    expect(await live(firstSeed, 3)).to.deep.equal(first);
  });
});

describe('a replica that comes back without what it had promised', () => {
  const one = replicaId(1);
  const ids = [1, 2, 3].map(replicaId);
  let world: FakeWorld;

  beforeEach(async () => {
    world = await newWorld(firstSeed, 3, 0);
  });

  const write = async (count: number): Promise<void> => {
    const clerk = world.clerk('writer');
    for (let write = 0; write < count; write += 1) await clerk.put('key', String(write));
  };
  const restartAll = async (): Promise<void> => {
    for (const id of ids) await world.restart(id);
  };
  /** What replica 1 stops itself for. */
  const failure = async (): Promise<unknown> => {
    await world.clock.runUntil(() => world.failures.length > 0, 10_000);
    const [first] = world.failures;
    expect(first?.replica).to.equal(one);
    expect(world.replicas.get(one)?.serving).to.equal(false);
    return first?.error;
  };

  it('is refused when its directory is lost, also after the others have lost their power', async () => {
    await driven(world, write(20));
    for (const id of ids) world.crash(id);
    world.replaceDisk(one);
    await driven(world, restartAll()).catch(() => undefined);
    expect(await failure()).to.be.instanceOf(UnknownIncarnation);
  });

  it('is refused when its directory is from a copy made two starts ago', async () => {
    await driven(world, write(20));
    const copy = world.copyOfDisk(one);
    for (let start = 0; start < 2; start += 1) {
      await driven(world, write(20));
      world.crash(one);
      await driven(
        world,
        world.restart(one).then(() => write(20)),
      );
    }
    for (const id of ids) world.crash(id);
    world.replaceDisk(one, copy);
    await driven(world, restartAll()).catch(() => undefined);
    const error = await failure();
    expect(error).to.be.instanceOf(StorageDamage);
    expect((error as Error).message).to.include('an old copy');
  });

  it('serves again when it comes back with all it had', async () => {
    await driven(world, write(20));
    for (const id of ids) world.crash(id);
    await driven(world, restartAll());
    await driven(world, write(20));
    expect(ids.map((id) => world.replicas.get(id)?.serving)).to.deep.equal([true, true, true]);
  });
});
