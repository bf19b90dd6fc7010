import { expect } from 'chai';
import { drawPlan } from '../../src/sim/plan.js';
import { simulate, type Outcome } from '../../src/sim/simulation.js';

const engine = 'primary-backup';
const outside = 'worlds outside the envelope';
/** Far more than it takes to come upon either manner, and upon a dead end. */
const seedLimit = 40;

/** The outcomes of seeds in this manner, one after the other. */
async function* worldsOf(manner: 'kind' | 'wild'): AsyncGenerator<Outcome> {
  for (let seed = 1; seed <= seedLimit; seed += 1) {
    if (drawPlan({ engine, seed }).manner === manner) yield await simulate({ engine, seed });
  }
}

describe('simulated clusters of primary-backup', () => {
  it('end outside the envelope in a dead end that is shown, and not in any other way', async function () {
    this.timeout(60_000);
    for await (const { verdict, tally, plan } of worldsOf('wild')) {
      expect(verdict.kind, `seed ${plan.seed}`).not.to.equal('failed');
      if (verdict.kind !== 'dead-end') continue;
      expect(tally[outside]).to.equal(1);
      expect(verdict.message).to.match(/^view \d+(: its only holders? of the data| waits for its primary)/);
      return;
    }
    expect.fail(`no dead end in ${seedLimit} seeds`);
  });

  it('go on inside the envelope until every call has ended, over views and transfers of the state', async function () {
    this.timeout(60_000);
    let views = 0;
    for await (const { verdict, tally, plan } of worldsOf('kind')) {
      if (tally[outside] !== undefined) continue;
      expect(verdict, `seed ${plan.seed}`).to.deep.equal({ kind: 'passed' });
      expect(tally['operations finished']).to.be.above(150);
      expect(tally['a snapshot is installed']).to.be.above(0);
      views += tally['elections'] ?? 0;
      if (views > 20) return;
    }
    expect.fail(`${views} views in ${seedLimit} seeds`);
  });

  it('are the same each time', async () => {
    const [one, other] = [await simulate({ engine, seed: 1 }), await simulate({ engine, seed: 1 })];
    expect(one.traceHash).to.equal(other.traceHash);
    expect(one.steps).to.equal(other.steps);
  });
});
