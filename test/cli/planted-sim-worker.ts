import { serveSeeds } from '../../src/cli/sim-serve.js';
import type { Outcome, RunOptions } from '../../src/sim/simulation.js';
import { outcomeOf } from '../sim/outcomes.js';

/** What goes wrong in the code that is simulated, by seed. */
async function planted(options: RunOptions): Promise<Outcome> {
  switch (options.seed) {
    case 1:
      void Promise.reject(new TypeError('nobody handles this'));
      break;
    case 2:
      throw new RangeError('it threw');
    case 3:
      return await new Promise(() => undefined);
    case 4:
      process.exit(7);
      break;
    case 5:
      process.kill(process.pid, 'SIGTERM');
      return await new Promise(() => undefined);
  }
  return outcomeOf(options);
}

serveSeeds(planted);
