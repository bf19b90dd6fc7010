import { expect } from 'chai';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import type { BaseClerk } from '../../src/clerk/base-clerk.js';
import type { ReplicaId } from '../../src/log/ids.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import type { OmnipaxosEngine } from '../../src/server/omnipaxos-engine.js';
import { turns } from '../support/fake-clock.js';
import { fakeOmnipaxos } from '../support/fake-engine.js';
import { FakeWorld } from '../support/fake-world.js';

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const runs = 12;
const operations = 150;
const clerks = 5;

interface Tally {
  reads: number;
  unanswered: number;
  /** Reads that showed more than had been answered when they began. */
  ahead: number;
  cuts: number;
  crashes: number;
  /** Times that one leader took over from another. */
  changes: number;
}

/**
 * Clerks add numbers to the end of one value and read it. A read must begin with all that any read showed before it began,
 * and have every number whose write was answered before it began, each once.
 */
class Readers {
  written = 0;
  shown = '';
  readonly answered = new Set<string>();
  readonly failures: unknown[] = [];
  underWay = 0;

  constructor(
    readonly seed: number,
    readonly tally: Tally,
  ) {}

  async write(clerk: BaseClerk): Promise<void> {
    this.written += 1;
    const text = `${this.written};`;
    if (await answered(clerk.append('key', text, { timeoutMs: 3000 }))) this.answered.add(text);
  }

  async read(clerk: BaseClerk): Promise<void> {
    const { shown, tally } = this;
    const least = [...this.answered];
    let value = '';
    const isAnswered = await answered(clerk.get('key', { timeoutMs: 3000 }).then((read) => (value = read)));
    if (!isAnswered) {
      tally.unanswered += 1;
      return;
    }
    tally.reads += 1;
    expect(value.slice(0, shown.length), `seed ${this.seed}: what an earlier read showed`).to.equal(shown);
    const numbers = value.split(/(?<=;)/);
    expect(numbers, `seed ${this.seed}: what was answered before`).to.include.members(least);
    expect(new Set(numbers).size, `seed ${this.seed}: each once`).to.equal(numbers.length);
    if (numbers.length > least.length) tally.ahead += 1;
    if (value.length > this.shown.length) this.shown = value;
  }

  begin(operation: Promise<void>): void {
    this.underWay += 1;
    operation.catch((error: unknown) => this.failures.push(error)).finally(() => (this.underWay -= 1));
  }
}

/** Whether a call was answered; if not, it may yet come about. */
const answered = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    (error: unknown) => {
      if (error instanceof ClerkError) return false;
      throw error;
    },
  );

const leaderOf = ({ replicas, isUp }: Pick<FakeWorld<OmnipaxosEngine>, 'replicas' | 'isUp'>) =>
  [...replicas].find(([id, { engine }]) => isUp(id) && engine.peer.leadership.kind === 'leading')?.[0];

/** Cuts the leader off from some of the others, or crashes it, and takes all of that back. */
class Mischief {
  #down: ReplicaId | undefined;
  #lastLeader: ReplicaId | undefined;

  constructor(
    readonly world: FakeWorld<OmnipaxosEngine>,
    readonly random: Random,
    readonly tally: Tally,
  ) {}

  async act(): Promise<void> {
    const { world, random, tally } = this;
    const leader = leaderOf({ replicas: world.replicas, isUp: (id) => world.isUp(id) });
    if (leader !== undefined && leader !== this.#lastLeader) {
      if (this.#lastLeader !== undefined) tally.changes += 1;
      this.#lastLeader = leader;
    }
    await this.undo();
    if (leader === undefined || random.below(3) === 0) return;
    if (random.below(3) === 0) {
      tally.crashes += 1;
      this.#down = leader;
      world.crash(leader);
      return;
    }
    tally.cuts += 1;
    for (const other of world.replicas.keys()) {
      if (other !== leader && random.below(3) > 0) world.cut(leader, other);
    }
  }

  async undo(): Promise<void> {
    const { world } = this;
    world.heal();
    const down = this.#down;
    if (down === undefined) return;
    this.#down = undefined;
    let isUp = false;
    const restarted = world.restart(down).finally(() => (isUp = true));
    await world.clock.runUntil(() => isUp, 60_000);
    await restarted;
  }
}

async function live(seed: number, replicaCount: number, tally: Tally): Promise<void> {
  const world = await FakeWorld.createOf(fakeOmnipaxos, {
    seed,
    replicaCount,
    loss: seed % 2 === 0 ? 0.1 : 0,
    streamBreaks: seed % 2 === 0 ? 0.005 : 0,
    streamLoss: seed % 4 === 0 ? 0.02 : 0,
    delayLimitMs: 30,
    disks: true,
  });
  const random = seededRandom(seed + 1);
  const readers = new Readers(seed, tally);
  const mischief = new Mischief(world, random, tally);
  const all = Array.from({ length: clerks }, (_, index) => world.clerk(`clerk ${index}`));
  const at = () => all[random.below(clerks)]!;
  for (let operation = 0; operation < operations && readers.failures.length === 0; operation += 1) {
    readers.begin(random.below(3) === 0 ? readers.write(at()) : readers.read(at()));
    if (random.below(12) === 0) await mischief.act();
    const untilMs = world.clock.now() + random.between(0, 80);
    world.clock.timer(untilMs - world.clock.now(), () => undefined);
    await world.clock.runUntil(() => world.clock.now() >= untilMs, 1000);
  }
  await mischief.undo();
  await world.clock.runUntil(() => readers.underWay === 0 || readers.failures.length > 0, 60_000);
  if (readers.failures.length > 0) throw readers.failures[0];
  expect(world.failures, `seed ${seed}`).to.deep.equal([]);
  readers.begin(readers.read(at()));
  await world.clock.runUntil(() => readers.underWay === 0, 60_000);
  if (readers.failures.length > 0) throw readers.failures[0];
  await turns();
}

describe('reads of the omnipaxos engine', () => {
  for (const replicaCount of [3, 5]) {
    it(`show all that was answered before they began, with ${replicaCount} replicas, leaders cut off and crashed, and messages late and lost`, async () => {
      console.log(`    seed ${firstSeed}`);
      const tally: Tally = { reads: 0, unanswered: 0, ahead: 0, cuts: 0, crashes: 0, changes: 0 };
      for (let run = 0; run < runs; run += 1) await live(firstSeed + run, replicaCount, tally);
      console.log(`    ${JSON.stringify(tally)}`);
      expect(tally.reads).to.be.above((runs * operations) / 3);
      expect(tally.ahead, 'reads that overlapped a write').to.be.above(20);
      expect(tally.changes, 'changes of the leader').to.be.above(runs);
      expect(tally.unanswered, 'in vain').to.be.below(tally.reads / 4);
    }).timeout(120_000);
  }
});
