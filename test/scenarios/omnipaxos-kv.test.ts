import { expectValue } from './key-value-cluster.js';
import { row, workload } from './omnipaxos-kv-row.js';
import { repetitions } from './report.js';

const unreliableRounds = 5;

describe('omnipaxos', () => {
  row('Basic Test One Client', { clientCount: 1 }, (run) => workload(run, 50));

  row('Basic Test Many Client', { clientCount: 3 }, (run) => workload(run, 50));

  row(
    'Unreliable Test Network',
    { clientCount: 1, samples: repetitions(16) },
    async ({ cluster, random }) => {
      cluster.setUnreliable(true);
      await cluster.withFreshClerk(random, (clerk) =>
        cluster.withFreshClerk(random, async (shared) => {
          for (let round = 0; round < unreliableRounds; round += 1) {
            await clerk.put('0', '');
            await clerk.append('0', `x 0 ${round} y`);
            await expectValue(shared, '0', `x 0 ${round} y`);
          }
        }),
      );
    },
  );
});
