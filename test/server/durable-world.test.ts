import { expect } from 'chai';
import type { BaseClerk } from '../../src/clerk/base-clerk.js';
import { chainHash } from '../../src/kv/hash.js';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import { UnknownIncarnation } from '../../src/server/admission.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { FakeWorld } from '../support/fake-world.js';

const writesPerClerk = 120;
const checkpointIntervalSlots = 16;
const cutsOfAll = 15;
/** Of the world's clock. */
const limitMs = 900_000;

interface Outcome {
  readonly traceHash: string;
  readonly chains: readonly string[];
  readonly crashes: number;
  readonly snapshotsPulled: number;
  readonly snapshotsWritten: number;
  readonly elapsedMs: number;
}

/** Replicas whose power is cut and comes back, and clerks who write chains and hold every answer against their own. */
class DurableWorld {
  readonly chains: string[] = [];
  crashes = 0;
  #isOver = false;
  /** Called when a replica answers a client. */
  #answering: () => void = () => undefined;
  readonly #random: Random;
  readonly #ids: readonly ReplicaId[];

  constructor(
    readonly world: FakeWorld,
    seed: number,
    replicaCount: number,
  ) {
    this.#random = seededRandom(seed);
    world.onMoment = (_replica, event) => {
      if (event === 'reply-settled') this.#answering();
    };
    this.#ids = Array.from({ length: replicaCount }, (_, index) => replicaId(index + 1));
  }

  async live(): Promise<void> {
    const [traveller = replicaId(1), ...others] = this.#ids;
    const losses = [
      this.#isAway(traveller).then(() => this.#allAreCutAgainAndAgain()),
      ...others.map((id) => this.#isCutAgainAndAgain(id)),
    ];
    const clerks = ['first', 'second'].map((name) => this.world.clerk(name));
    await Promise.all(clerks.map((clerk, index) => this.#write(clerk, index)));
    this.#isOver = true;
    this.#answering();
    await Promise.all(losses);
    await this.#until(() => this.#isLevel());
    for (const [index, clerk] of clerks.entries()) {
      expect(await clerk.get(`key ${index}`), `the chain of clerk ${index}`).to.equal(this.chains[index]);
    }
    await this.#until(() => this.#isLevel());
    await this.#compareStates();
  }

  async #write(clerk: BaseClerk, index: number): Promise<void> {
    let expected = '';
    for (let write = 0; write < writesPerClerk; write += 1) {
      const previous = await clerk.putHash(`key ${index}`, String(write));
      expect(previous, `write ${write} of clerk ${index}`).to.equal(expected);
      expected = chainHash(expected, String(write));
    }
    this.chains[index] = expected;
  }

  async #isCutAgainAndAgain(id: ReplicaId): Promise<void> {
    const { clock } = this.world;
    await clock.sleep(this.#random.between(300, 6000));
    if (this.#isOver) return;
    await this.#cutPower([id], () => clock.sleep(this.#random.between(20, 1500)));
    await this.#isCutAgainAndAgain(id);
  }

  /** The power of the whole room goes, just when a client is being answered. */
  async #allAreCutAgainAndAgain(): Promise<void> {
    const { clock } = this.world;
    await clock.sleep(this.#random.between(200, 3000));
    if (this.#isOver) return;
    await new Promise<void>((resolve) => (this.#answering = resolve));
    await clock.sleep(0);
    await this.#cutPower(this.#ids, () => clock.sleep(this.#random.between(20, 500)));
    await this.#allAreCutAgainAndAgain();
  }

  /** Away until all others have cut their logs past what this one has learned. */
  async #isAway(id: ReplicaId): Promise<void> {
    await this.world.clock.sleep(this.#random.between(500, 3000));
    const appliedBefore = this.#appliedAt(id);
    const floorOf = (other: ReplicaId) => this.world.replicas.get(other)?.status().log.floor ?? 0;
    const isLeftBehind = () => {
      const up = this.#ids.filter((other) => this.world.isUp(other));
      return up.length > 0 && up.every((other) => floorOf(other) > appliedBefore + 1);
    };
    await this.#cutPower([id], () => this.#until(() => this.#isOver || isLeftBehind()));
  }

  /** Cuts the power of those that have any, and gives it back after the wait. */
  async #cutPower(ids: readonly ReplicaId[], wait: () => Promise<void>): Promise<void> {
    const cut = ids.filter((id) => this.world.isUp(id));
    this.crashes += cut.length;
    for (const id of cut) this.world.crash(id);
    await wait();
    for (const id of cut) await this.world.restart(id);
  }

  #appliedAt(id: ReplicaId): number {
    return this.world.replicas.get(id)?.status().log.applied ?? -1;
  }

  #isLevel(): boolean {
    const [first, ...others] = this.#ids.map((id) => this.#appliedAt(id));
    return others.every((applied) => applied === first);
  }

  /** The pieces of a snapshot tell store, sessions, counters and digest. */
  async #compareStates(): Promise<void> {
    const states: string[] = [];
    for (const { snapshotSource } of this.world.replicas.values()) {
      const pieces: string[] = [];
      for await (const { through, chunk } of snapshotSource.pieces()) {
        pieces.push(`${through} ${Buffer.from(chunk.content).toString('hex')}`);
      }
      states.push(pieces.join('\n'));
    }
    expect(new Set(states).size, 'different states').to.equal(1);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.world.clock.sleep(50);
  }
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

/** Runs the world until the work has come to its end or a replica has stopped itself. */
async function driven(world: FakeWorld, work: Promise<void>): Promise<void> {
  const progress = { isOver: false };
  const watched = work.finally(() => (progress.isOver = true));
  const clock = world.clock.runUntil(() => progress.isOver || world.failures.length > 0, limitMs);
  await Promise.race([clock, watched]);
  for (const { replica, error } of world.failures) {
    watched.catch(() => undefined);
    throw new Error(`replica ${replica} stopped itself`, { cause: error });
  }
  await watched;
}

/** Every few answers the power of all three goes, and comes back for two of them first. */
class BareMajorities {
  readonly chains: string[] = [];
  answers = 0;
  #isOver = false;
  readonly #random: Random;

  constructor(
    readonly world: FakeWorld,
    seed: number,
  ) {
    this.#random = seededRandom(seed);
    world.onMoment = (_replica, event) => {
      if (event === 'reply-settled') this.answers += 1;
    };
  }

  async live(): Promise<void> {
    // Until it is on record at both others a new replica cannot go on with only one of them (rule R11).
    const serving = () => [...this.world.replicas.values()].every((replica) => replica.serving);
    while (!serving()) await this.world.clock.sleep(50);
    const cuts = this.#cutAll(cutsOfAll).then(() => (this.#isOver = true));
    const clerks = ['first', 'second'].map((name) => this.world.clerk(name));
    await Promise.all([cuts, ...clerks.map((clerk, index) => this.#write(clerk, index, 0, ''))]);
  }

  async #cutAll(times: number): Promise<void> {
    if (times === 0) return;
    const { world } = this;
    await this.#answered(1 + this.#random.below(4));
    const ids = [1, 2, 3].map(replicaId);
    for (const id of ids) world.crash(id);
    const [last = replicaId(1)] = ids.splice(this.#random.below(3), 1);
    await Promise.all(ids.map((id) => world.restart(id)));
    await this.#answered(1 + this.#random.below(3));
    await world.restart(last);
    await world.clock.sleep(this.#random.between(0, 1500));
    await this.#cutAll(times - 1);
  }

  /** Resolves just when so many more answers have left. */
  async #answered(count: number): Promise<void> {
    const enough = this.answers + count;
    while (this.answers < enough) await this.world.clock.sleep(1);
  }

  /** Writes on until the power has gone for the last time. */
  async #write(clerk: BaseClerk, index: number, write: number, expected: string): Promise<void> {
    if (this.#isOver) return;
    const previous = await clerk.putHash(`key ${index}`, String(write));
    expect(previous, `write ${write} of clerk ${index}`).to.equal(expected);
    await this.#write(clerk, index, write + 1, chainHash(expected, String(write)));
  }
}

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
