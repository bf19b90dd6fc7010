import { availableParallelism } from 'node:os';
import type { AnyEngineName } from '../server/engine.js';
import { drawPlan } from '../sim/plan.js';
import { simulatedEngines } from '../sim/seed-result.js';
import { mayWrite } from './check-plan.js';
import { CommandFailure } from './command-failure.js';
import { allEngines } from './sim-flags.js';
import type { SeedRequest } from './sim-request.js';

export interface SimFlags {
  readonly engine: AnyEngineName | typeof allEngines;
  readonly seed?: number;
  readonly seeds: number;
  readonly from: number;
  readonly replicas: number;
  readonly operations: number;
  readonly steps?: number;
  readonly faults?: readonly number[];
  readonly jobs?: number;
  readonly trace?: boolean;
  readonly json?: boolean;
  readonly picture?: string;
  readonly record?: string;
  readonly totals?: string;
}

/** What worlds have in common that one command simulates. */
export type WorldOptions = Pick<SeedRequest, 'replicas' | 'operations' | 'steps'>;

/** Many seeds, of each of these engines. */
export interface SeedsPlan {
  readonly kind: 'seeds';
  readonly engines: readonly AnyEngineName[];
  readonly from: number;
  readonly count: number;
  readonly world: WorldOptions;
  readonly jobs: number;
  /** The file that finished parts are added to. */
  readonly record: string | undefined;
}

/** What `synod sim` is to do. */
export type SimPlan =
  | { readonly kind: 'totals'; readonly file: string }
  | { readonly kind: 'seed'; readonly request: SeedRequest; readonly picture: string | undefined }
  | SeedsPlan;

const highestSeed = 2 ** 32 - 1;

/** @throws CommandFailure if the flags do not go together */
export async function simPlan(flags: SimFlags): Promise<SimPlan> {
  const { engine, seed, seeds: count, from, replicas, operations, steps, record } = flags;
  if (flags.totals !== undefined) return { kind: 'totals', file: flags.totals };
  const world = { replicas, operations, ...(steps === undefined ? {} : { steps }) };
  if (seed !== undefined) return await seedPlan(flags, seed, world);
  refuseWithoutSeed(flags);
  if (from + count - 1 > highestSeed) {
    throw usage(
      `--from ${from} --seeds ${count} goes past the last seed, ${highestSeed}: take --from ${highestSeed - count + 1} or less`,
    );
  }
  await mayWrite('--record', record);
  return {
    kind: 'seeds',
    engines: engine === allEngines ? simulatedEngines : [engine],
    from,
    count,
    world,
    jobs: flags.jobs ?? availableParallelism(),
    record,
  };
}

async function seedPlan(flags: SimFlags, seed: number, world: WorldOptions): Promise<SimPlan> {
  const { engine, faults, trace, picture } = flags;
  if (engine === allEngines) {
    throw usage(`--seed ${seed} is of one engine: take --engine ${simulatedEngines.join(', ')}`);
  }
  await mayWrite('--picture', picture);
  const { length } = drawPlan({ engine, seed, ...world }).faults;
  const unknown = faults?.find((number) => number >= length);
  if (unknown !== undefined) {
    throw usage(`--faults ${unknown}: seed ${seed} has ${length} faults, from 0 to ${length - 1}`);
  }
  const request = {
    engine,
    seed,
    ...world,
    ...(faults === undefined ? {} : { onlyFaults: [...faults] }),
    isRepeated: true,
    isExplained: false,
    isTraced: trace ?? false,
  };
  return { kind: 'seed', request, picture };
}

/** Some flags are about the one world of one seed. */
function refuseWithoutSeed({ faults, trace, picture }: SimFlags): void {
  const flag =
    faults !== undefined
      ? '--faults'
      : trace === true
        ? '--trace'
        : picture === undefined
          ? undefined
          : '--picture';
  if (flag !== undefined) throw usage(`${flag} is about one seed: add --seed SEED, or leave it out`);
}

const usage = (message: string): CommandFailure => new CommandFailure({ kind: 'usage', message });
