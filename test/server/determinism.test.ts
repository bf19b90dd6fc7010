import { expect } from 'chai';
import { chainHash } from '../../src/kv/hash.js';
import { replicaId } from '../../src/log/ids.js';
import { FakeWorld } from '../support/fake-world.js';

const writesPerClerk = 60;

interface Outcome {
  readonly traceHash: string;
  readonly chains: readonly string[];
  readonly delivered: number;
  readonly lost: number;
  readonly elapsedMs: number;
}

/** Two clerks write chains while messages are lost and one of three replicas crashes for good. */
async function live(seed: number): Promise<Outcome> {
  const world = await FakeWorld.create({ seed, replicaCount: 3, loss: 0.1, delayLimitMs: 20 });
  const clerks = [world.clerk('first'), world.clerk('second')];
  let finished = 0;
  const chains: string[] = [];
  const work = clerks.map(async (clerk, index) => {
    let expected = '';
    for (let write = 0; write < writesPerClerk; write += 1) {
      const previous = await clerk.putHash(`key ${index}`, String(write));
      expect(previous).to.equal(expected);
      expected = chainHash(expected, String(write));
      if (index === 0 && write === writesPerClerk / 3) world.crash(replicaId(3));
    }
    expect(await clerk.get(`key ${index}`)).to.equal(expected);
    chains[index] = expected;
    finished += 1;
  });
  const all = Promise.all(work);
  await Promise.race([
    world.clock.runUntil(() => finished === clerks.length, 600_000),
    all.then(() => undefined),
  ]);
  await all;
  return { traceHash: world.traceHash(), chains, elapsedMs: world.clock.now(), ...world.messages };
}

describe('determinism', () => {
  it('three servers and two clerks in a made-up world leave the same trace twice', async () => {
    const seed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    console.log(`    seed ${seed}`);
    const first = await live(seed);
    const second = await live(seed);
    expect(second).to.deep.equal(first);
    expect(first.delivered).to.be.greaterThan(1000);
    expect(first.lost).to.be.greaterThan(100);
    const other = await live(seed + 1);
    expect(other.traceHash).to.not.equal(first.traceHash);
  });
});
