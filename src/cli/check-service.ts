import { LiveRun } from '../check/live-run.js';
import { Clerk, type ClerkTarget } from '../clerk/connect.js';
import type { Logger } from '../runtime/logger.js';
import { seededRandom } from '../runtime/random.js';
import { realClock } from '../runtime/real-clock.js';
import type { CheckPlan } from './check-plan.js';

/** A check of a real cluster, in real time. */
export interface OpenCheck {
  readonly run: LiveRun;
  readonly clerks: readonly [Clerk, ...Clerk[]];
  close(): Promise<void>;
}

/** Connects when first used. */
export function openCheck(plan: CheckPlan, logger: Logger, interrupted: AbortSignal): OpenCheck {
  const open = (index: number) => new Clerk(turned(plan.target, index));
  const clerks: [Clerk, ...Clerk[]] = [open(0)];
  for (let index = 1; index < plan.clientCount; index += 1) clerks.push(open(index));
  const seeds = seededRandom(plan.seed | 0);
  const newRandom = () => seededRandom(seeds.below(2 ** 32) | 0);
  return {
    run: new LiveRun({ ...plan, clerks, newRandom, clock: realClock, logger, interrupted }),
    clerks,
    close: async () => {
      await Promise.all(clerks.map((clerk) => clerk.close()));
    },
  };
}

/** The endpoints in another order for each client, so that every replica is asked and not only the first. */
function turned(target: ClerkTarget, index: number): ClerkTarget {
  if (target.endpoints === undefined) return target;
  const { endpoints } = target;
  const first = index % endpoints.length;
  return { endpoints: [...endpoints.slice(first), ...endpoints.slice(0, first)] };
}
