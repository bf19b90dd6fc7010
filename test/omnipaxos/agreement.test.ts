import { expect } from 'chai';
import type { ReplicaId } from '../../src/log/ids.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { OmnipaxosWorld } from '../support/omnipaxos-world.js';

const electionTimeoutMs = 100;
const badTimeMs = 8_000;
/** Once everything is up and linked, everybody must have decided everything within this time. */
const settleMs = 3_000;
const seedCount = Number(process.env['SYNOD_SEEDS'] ?? 150);
const baseSeed = Number(process.env['SYNOD_SEED'] ?? 1);

/** What goes wrong in one world, drawn from its seed. */
interface Mischief {
  readonly loss: number;
  readonly cuts: boolean;
  readonly crashes: boolean;
  readonly syncMs: readonly [number, number];
}

const mischiefFrom = (random: Random): Mischief => ({
  loss: random.below(2) === 0 ? 0 : random.between(0, 0.2),
  cuts: random.below(4) > 0,
  crashes: random.below(4) > 0,
  syncMs: random.below(2) === 0 ? [0, 2] : [1, 60],
});

const oneOf = <Value>(random: Random, values: readonly Value[]): Value => {
  const value = values[random.below(values.length)];
  if (value === undefined) throw new RangeError('nothing to choose from');
  return value;
};

class BadTimes {
  readonly world: OmnipaxosWorld;
  #proposed = 0;

  constructor(
    readonly random: Random,
    readonly mischief: Mischief,
    replicaCount: number,
  ) {
    this.world = new OmnipaxosWorld({
      replicaCount,
      random,
      electionTimeoutMs,
      delayMs: [0.1, random.below(2) === 0 ? 1 : 30],
      syncMs: mischief.syncMs,
    });
    this.world.loss = mischief.loss;
  }

  run(): void {
    const { world, random } = this;
    world.start();
    while (world.nowMs < badTimeMs) {
      world.run(random.between(0, 60));
      this.proposeSomewhere();
      if (random.below(8) === 0) this.#doMischief();
    }
  }

  /** At whoever believes to lead. */
  proposeSomewhere(): string | undefined {
    const leaders = this.world.ids.filter((id) => this.world.leads(id));
    if (leaders.length === 0) return undefined;
    this.#proposed += 1;
    const text = `value ${this.#proposed}`;
    this.world.propose(oneOf(this.random, leaders), text);
    return text;
  }

  #doMischief(): void {
    const { world, random, mischief } = this;
    const id = oneOf(random, world.ids);
    if (mischief.crashes && random.below(2) === 0) {
      if (world.isUp(id)) world.crash(id);
      else world.restart(id);
    } else if (mischief.cuts && world.ids.length > 1) {
      const other = oneOf(
        random,
        world.ids.filter((each) => each !== id),
      );
      if (world.isLinked(id, other)) world.cut(id, other, random.below(2) === 0);
      else world.link(id, other);
    }
  }

  heal(): void {
    const { world } = this;
    world.loss = 0;
    for (const id of world.ids) world.restart(id);
    for (const left of world.ids) for (const right of world.ids) if (left < right) world.link(left, right);
  }
}

function liveThrough(seed: number, replicaCount: number): OmnipaxosWorld {
  const random = seededRandom(seed);
  for (let draw = 0; draw < 8; draw += 1) random.below(2);
  const times = new BadTimes(random, mischiefFrom(random), replicaCount);
  const { world } = times;
  times.run();
  times.heal();
  // Values that were proposed to a leader about to fall are lost with it, so one value alone proves nothing.
  const proposed = new Set<string>();
  const isDecided = () => world.agreed.some((text) => proposed.has(text));
  for (let waitedMs = 0; !isDecided() && waitedMs < settleMs; waitedMs += 50) {
    const text = times.proposeSomewhere();
    if (text !== undefined) proposed.add(text);
    world.runUntil(isDecided, 50);
  }
  const hasAll = (id: ReplicaId) => world.decided(id).length === world.agreed.length;
  const isSettled = isDecided() && world.runUntil(() => world.ids.every(hasAll), settleMs);
  const state = world.ids.map((id) => {
    const { phase, log } = world.replica(id);
    return `${id}: ${phase.kind}, holds ${log.acceptedEnd}, decided ${log.decidedEnd}`;
  });
  expect(isSettled, `seed ${seed}: all decide all in ${settleMs} ms; ${state.join('; ')}`).to.equal(true);
  return world;
}

describe('replicas of OmniPaxos in bad times', () => {
  for (const replicaCount of [1, 2, 3, 5]) {
    it(`never disagree, and all decide all when it is over: ${replicaCount} of them`, () => {
      const totals = { delivered: 0, lost: 0, crashes: 0, proposals: 0, decided: 0, elections: 0 };
      for (let seed = baseSeed; seed < baseSeed + seedCount; seed += 1) {
        const world = liveThrough(seed, replicaCount);
        for (const key of ['delivered', 'lost', 'crashes', 'proposals'] as const)
          totals[key] += world.counts[key];
        totals.decided += world.agreed.length;
        totals.elections += world.claims.length;
      }
      console.log(`      ${seedCount} seeds from ${baseSeed}: ${JSON.stringify(totals)}`);
      expect(totals.decided).to.be.above(10 * seedCount);
      expect(totals.crashes).to.be.above(0);
      if (replicaCount > 1) expect(totals.lost).to.be.above(0);
    }).timeout(120_000);
  }
});
