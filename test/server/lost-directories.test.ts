import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { UnknownIncarnation } from '../../src/server/admission.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { driven } from '../support/driven.js';
import { FakeWorld } from '../support/fake-world.js';

const checkpointIntervalSlots = 16;

const newWorld = (seed: number): Promise<FakeWorld> =>
  FakeWorld.create({
    seed,
    replicaCount: 3,
    loss: 0,
    delayLimitMs: 20,
    disks: true,
    checkpointIntervalSlots,
  });

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

describe('a replica that comes back without what it had promised', () => {
  const one = replicaId(1);
  const ids = [1, 2, 3].map(replicaId);
  let world: FakeWorld;

  beforeEach(async () => {
    world = await newWorld(firstSeed);
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
