import { drawPlan } from '../../src/sim/plan.js';
import type { Outcome, RunOptions } from '../../src/sim/simulation.js';
import { resultOf } from './seed-results.js';

/** The outcome of a world that was not simulated: passed, with everything in it, unless told otherwise. */
export function outcomeOf(options: RunOptions, told: Partial<Outcome> = {}): Outcome {
  const { engine, seed } = options;
  const { verdict, traceHash, steps, simulatedMs, tally } = resultOf({ engine, seed });
  const plan = drawPlan(options);
  return { plan, verdict, traceHash, steps, simulatedMs, tally, history: [], ...told };
}
