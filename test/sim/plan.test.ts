import { expect } from 'chai';
import { faultText } from '../../src/sim/fault.js';
import { defaultOperations } from '../../src/sim/defaults.js';
import { drawPlan } from '../../src/sim/plan.js';
import { simulatedEngines } from '../../src/sim/seed-result.js';

const seeds = Array.from({ length: 200 }, (_seed, index) => index + 1);

describe('the plan of a seed', () => {
  for (const engine of simulatedEngines) {
    describe(`for ${engine}`, () => {
      it('is the same for the same seed, and another for another', () => {
        const plans = seeds.map((seed) => JSON.stringify(drawPlan({ engine, seed })));
        expect(seeds.map((seed) => JSON.stringify(drawPlan({ engine, seed })))).to.deep.equal(plans);
        expect(new Set(plans.map((text) => text.replace(/"seed":\d+/g, ''))).size).to.equal(seeds.length);
      });

      it('has enough clients, operations and faults', () => {
        for (const seed of seeds) {
          const { clients, faults, happening } = drawPlan({ engine, seed });
          expect(clients.length).to.be.within(4, 16);
          const operations = clients.reduce((sum, client) => sum + client.operations, 0);
          expect(operations).to.equal(defaultOperations);
          expect(faults.length).to.be.within(10, 16);
          expect(happening).to.deep.equal([...faults.keys()]);
        }
      });

      it('has faults in order of time, early enough to be seen', () => {
        for (const seed of seeds) {
          const { faults, safetyMs } = drawPlan({ engine, seed });
          for (const [index, { atMs, lastsMs }] of faults.entries()) {
            expect(atMs).to.be.within(faults[index - 1]?.atMs ?? 0, safetyMs);
            expect(lastsMs).to.be.at.least(0);
          }
        }
      });

      it('stays as it is otherwise when faults are left out or operations are fewer', () => {
        for (const seed of seeds) {
          const whole = drawPlan({ engine, seed });
          const part = drawPlan({ engine, seed, onlyFaults: [2, 5], operations: 60 });
          expect(part.happening).to.deep.equal([2, 5]);
          const plain = ({ operations: _operations, ...client }: (typeof part.clients)[number]) => client;
          expect(part.clients.map(plain)).to.deep.equal(whole.clients.map(plain));
          const { clients: _clients, happening: _happening, ...rest } = whole;
          expect(part).to.deep.include(rest);
        }
      });

      it('says each of its faults in one line', () => {
        for (const seed of seeds) {
          for (const fault of drawPlan({ engine, seed }).faults) {
            expect(faultText(fault)).to.match(/^\d+\.\d\d s for \d+\.\d\d s: [^\n]+$/);
          }
        }
      });
    });
  }

  it('leaves disks alone where there are none', () => {
    const kinds = (engine: (typeof simulatedEngines)[number]) =>
      new Set(seeds.flatMap((seed) => drawPlan({ engine, seed }).faults.map(({ kind }) => kind)));
    const onDisks = ['slow-disk', 'sync-error', 'full-disk', 'damage', 'lost-directory'];
    for (const kind of onDisks) {
      expect(kinds('paxos')).to.include(kind);
      expect(kinds('omnipaxos')).to.include(kind);
      expect(kinds('primary-backup')).not.to.include(kind);
    }
  });

  it('differs from one count of replicas to another', () => {
    const [three, five] = [3, 5].map((replicas) => drawPlan({ engine: 'paxos', seed: 7, replicas }));
    expect(three!.faults).not.to.deep.equal(five!.faults);
  });
});
