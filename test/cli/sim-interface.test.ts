import { join } from 'node:path';
import { expect } from 'chai';
import { outcomeOf } from '../sim/outcomes.js';
import { temporaryDirectory } from '../processes/temporary-directory.js';
import type { SimFlags } from '../../src/cli/sim-plan.js';
import { documentedFields } from './interface-page.js';
import { SimWorld } from './sim-surroundings.js';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (object: unknown): string[] => Object.keys(object as Fields);

describe('docs/interface.md and what synod sim --json prints', () => {
  async function printed(flags: Partial<SimFlags>, fails: boolean): Promise<Fields> {
    const world = new SimWorld();
    const verdict = { kind: 'failed', check: 'a check', message: 'it is so', atMs: 1 } as const;
    world.simulate = (options) => Promise.resolve(outcomeOf(options, fails ? { verdict } : {}));
    return JSON.parse((await world.run({ ...flags, json: true })).stdout) as Fields;
  }

  it('have the same fields for many seeds', async () => {
    const report = await printed({ seeds: 1 }, true);
    expect(fieldsOf(report)).to.deep.equal(documentedFields('`sim`'));
    const [engine] = report['engines'] as [Fields];
    expect(fieldsOf(engine)).to.deep.equal(documentedFields('each of `engines`'));
    const [failure] = engine['failures'] as [Fields];
    expect(fieldsOf(failure)).to.deep.equal(documentedFields('each of `failures`, `failure`'));
    expect(fieldsOf(failure['shrunk'])).to.deep.equal(documentedFields('`shrunk`'));
  });

  it('have the same fields for one seed', async () => {
    const passed = await printed({ seed: 1 }, false);
    expect(fieldsOf(passed)).to.deep.equal(documentedFields('`sim --seed`'));
    expect(passed['failure']).to.equal(null);
    const { failure } = await printed({ seed: 1 }, true);
    expect(fieldsOf(failure)).to.deep.equal(documentedFields('each of `failures`, `failure`'));
  });

  it('have the same fields for totals', async () => {
    const directory = await temporaryDirectory();
    try {
      const record = join(directory.path, 'parts.jsonl');
      await printed({ seeds: 1, record }, false);
      const sums = await printed({ totals: record }, false);
      expect(fieldsOf(sums)).to.deep.equal(documentedFields('`sim --totals`'));
      const [series] = sums['series'] as [Fields];
      expect(fieldsOf(series)).to.deep.equal(documentedFields('each of `series`'));
      expect(fieldsOf(series['report'])).to.deep.equal(documentedFields('each of `engines`'));
    } finally {
      await directory.remove();
    }
  });
});
