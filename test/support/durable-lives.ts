import { expect } from 'chai';
import type { BaseClerk } from '../../src/clerk/base-clerk.js';
import { chainHash } from '../../src/kv/hash.js';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import type { Engine } from '../../src/server/engine.js';
import type { FakeWorld } from './fake-world.js';

const writesPerClerk = 120;
/** How often the power goes in the life of `BareMajorities`. */
export const cutsOfAll = 15;
/** Of the world's clock. */
const limitMs = 900_000;

/** Replicas whose power is cut and comes back, and clerks who write chains and hold every answer against their own. */
export class DurableWorld<Opened extends Engine> {
  readonly chains: string[] = [];
  crashes = 0;
  #isOver = false;
  /** Called when a replica answers a client. */
  #answering: () => void = () => undefined;
  readonly #random: Random;
  readonly #ids: readonly ReplicaId[];

  constructor(
    readonly world: FakeWorld<Opened>,
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

/** Runs the world until the work has come to its end or a replica has stopped itself. */
export async function driven<Opened extends Engine>(
  world: FakeWorld<Opened>,
  work: Promise<void>,
): Promise<void> {
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
export class BareMajorities<Opened extends Engine> {
  readonly chains: string[] = [];
  answers = 0;
  #isOver = false;
  readonly #random: Random;

  constructor(
    readonly world: FakeWorld<Opened>,
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
