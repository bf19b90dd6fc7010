import { z } from 'zod';
import type { AnyEngineName } from '../server/engine.js';
import { seedResult, simulatedEngines, type SeedResult } from './seed-result.js';

const occurrence = z.object({
  /** How often it happened, in all seeds together. */
  count: z.number(),
  /** In how many seeds it happened. */
  seeds: z.number(),
});

/** The form of `Totals` that were written to a file. */
export const totals = z.object({
  engine: z.enum(simulatedEngines),
  seeds: z.number(),
  passed: z.number(),
  deadEnds: z.number(),
  /** Seeds that failed, in ascending order. */
  failed: z.array(z.object({ seed: seedResult.shape.seed, check: z.string() })),
  steps: z.number(),
  simulatedMs: z.number(),
  /** Of the seeds that passed: in a dead end calls cannot finish. */
  operations: z.object({ begun: z.number(), finished: z.number() }),
  /** The least that any seed had that passed; null if none did. */
  fewest: z.object({ operations: z.number(), clients: z.number(), faultsDrawn: z.number() }).nullable(),
  /** What happened, by the names of the tally. */
  happened: z.record(z.string(), occurrence),
});

/** How often something happened, and in how many seeds. */
export type Occurrence = Readonly<z.infer<typeof occurrence>>;
/** The sums of many seeds of one engine. */
export type Totals = Readonly<z.infer<typeof totals>>;

export const noTotals = (engine: AnyEngineName): Totals => ({
  engine,
  seeds: 0,
  passed: 0,
  deadEnds: 0,
  failed: [],
  steps: 0,
  simulatedMs: 0,
  operations: { begun: 0, finished: 0 },
  fewest: null,
  happened: {},
});

/** The sums with one seed more. */
export const withSeed = (sums: Totals, result: SeedResult): Totals => mergedTotals(sums, totalsOf(result));

/** @throws RangeError if they are of two engines, whose sums say nothing together */
export function mergedTotals(one: Totals, other: Totals): Totals {
  if (one.engine !== other.engine) {
    throw new RangeError(`totals of ${one.engine} and ${other.engine} cannot be merged; keep them apart`);
  }
  return {
    engine: one.engine,
    seeds: one.seeds + other.seeds,
    passed: one.passed + other.passed,
    deadEnds: one.deadEnds + other.deadEnds,
    failed: [...one.failed, ...other.failed].sort((left, right) => left.seed - right.seed),
    steps: one.steps + other.steps,
    simulatedMs: one.simulatedMs + other.simulatedMs,
    operations: {
      begun: one.operations.begun + other.operations.begun,
      finished: one.operations.finished + other.operations.finished,
    },
    fewest: fewestOf(one.fewest, other.fewest),
    happened: mergedHappened(one.happened, other.happened),
  };
}

/** How often something happened; never, if it has no name here. */
export const occurrenceOf = ({ happened }: Totals, name: string): Occurrence =>
  happened[name] ?? { count: 0, seeds: 0 };

function totalsOf(result: SeedResult): Totals {
  const { engine, seed, verdict, steps, simulatedMs, tally, clients, faultsDrawn } = result;
  const hasPassed = verdict.kind === 'passed';
  const of = (name: string): number => tally[name] ?? 0;
  const finished = of('operations finished');
  const begun = finished + of('operations unknown') + of('operations certainly not executed');
  return {
    engine,
    seeds: 1,
    passed: hasPassed ? 1 : 0,
    deadEnds: verdict.kind === 'dead-end' ? 1 : 0,
    failed: verdict.kind === 'failed' ? [{ seed, check: verdict.check }] : [],
    steps,
    simulatedMs,
    operations: hasPassed ? { begun, finished } : { begun: 0, finished: 0 },
    fewest: hasPassed ? { operations: begun, clients, faultsDrawn } : null,
    happened: Object.fromEntries(
      Object.entries(tally).map(([name, count]) => [name, { count, seeds: count > 0 ? 1 : 0 }]),
    ),
  };
}

function fewestOf(one: Totals['fewest'], other: Totals['fewest']): Totals['fewest'] {
  if (one === null || other === null) return one ?? other;
  return {
    operations: Math.min(one.operations, other.operations),
    clients: Math.min(one.clients, other.clients),
    faultsDrawn: Math.min(one.faultsDrawn, other.faultsDrawn),
  };
}

function mergedHappened(one: Totals['happened'], other: Totals['happened']): Totals['happened'] {
  const merged = { ...one };
  for (const [name, { count, seeds }] of Object.entries(other)) {
    const before = merged[name] ?? { count: 0, seeds: 0 };
    merged[name] = { count: before.count + count, seeds: before.seeds + seeds };
  }
  return merged;
}
