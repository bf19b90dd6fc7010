import { expect } from 'chai';
import { replayLine } from '../../src/cli/sim-replay.js';
import { faultText } from '../../src/sim/fault.js';
import { nothingHappened } from '../../src/sim/floors.js';
import { defaultOperations, defaultReplicas } from '../../src/sim/defaults.js';
import { simulateTwice } from '../../src/sim/repeat.js';
import { seedResultOf, simulatedEngines } from '../../src/sim/seed-result.js';
import { simulate, type Outcome } from '../../src/sim/simulation.js';
import { noTotals, withSeed } from '../../src/sim/totals.js';

const firstSeed = Number(process.env['SYNOD_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const seedCount = Number(process.env['SYNOD_SEEDS'] ?? 45);
/** Far more than a seed takes on a machine that does much else. */
const seedLimitMs = 5000;

/** Fails with the line that runs the seed again, and what happened in it. */
function hold({ plan, verdict }: Outcome): void {
  if (verdict.kind !== 'failed') return;
  const { engine, seed, faults } = plan;
  const replay = replayLine({ engine, seed, replicas: defaultReplicas, operations: defaultOperations });
  const lines = faults.map((fault, number) => `  ${number}: ${faultText(fault)}`);
  expect.fail([`${replay}  # ${verdict.check}: ${verdict.message}`, ...lines].join('\n'));
}

describe('simulated clusters', () => {
  for (const engine of simulatedEngines) {
    it(`of ${engine} do what is promised, whatever goes wrong`, async function () {
      this.timeout(10_000 + seedLimitMs * seedCount);
      this.slow(60_000);
      let sums = noTotals(engine);
      for (let seed = firstSeed; seed < firstSeed + seedCount; seed += 1) {
        const outcome = await simulate({ engine, seed });
        hold(outcome);
        sums = withSeed(sums, seedResultOf(outcome));
      }
      const { operations, deadEnds } = sums;
      console.log(
        `    seeds ${firstSeed} to ${firstSeed + seedCount - 1}, ${operations.finished} operations, ${deadEnds} dead ends`,
      );
      expect(nothingHappened(sums)).to.deep.equal([]);
      // Of so few seeds no share can be held; most of what clients begin has to end well in any.
      expect(operations.finished).to.be.above(0.9 * operations.begun);
    });

    it(`of ${engine} are the same each time`, async function () {
      this.timeout(4 * seedLimitMs);
      hold(await simulateTwice({ engine, seed: firstSeed }));
    });
  }

  it('differ from seed to seed', async () => {
    const hashes = [1, 2, 3].map(
      async (seed) => (await simulate({ engine: 'paxos', seed, steps: 500 })).traceHash,
    );
    expect(new Set(await Promise.all(hashes)).size).to.equal(3);
  });

  it('end after so many events as is asked for', async () => {
    const { steps, verdict } = await simulate({ engine: 'omnipaxos', seed: 1, steps: 700 });
    expect([steps, verdict.kind]).to.deep.equal([700, 'passed']);
  });
});
