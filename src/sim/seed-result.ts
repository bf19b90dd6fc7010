import { z } from 'zod';
import type { AnyEngineName } from '../server/engine.js';
import type { Outcome } from './simulation.js';

/** Every engine that can be simulated. */
export const simulatedEngines = [
  'paxos',
  'omnipaxos',
  'primary-backup',
] as const satisfies readonly AnyEngineName[];

const verdict = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('passed') }),
  z.object({ kind: z.literal('dead-end'), message: z.string() }),
  z.object({ kind: z.literal('failed'), check: z.string(), message: z.string(), atMs: z.number() }),
]);

/** The form of a `SeedResult` that comes from another process. */
export const seedResult = z.object({
  engine: z.enum(simulatedEngines),
  seed: z.number(),
  verdict,
  traceHash: z.string(),
  steps: z.number(),
  simulatedMs: z.number(),
  tally: z.record(z.string(), z.number()),
  clients: z.number(),
  faultsDrawn: z.number(),
});

/** What is kept of one seed: its outcome without plan and history. */
export type SeedResult = Readonly<z.infer<typeof seedResult>>;

export const seedResultOf = ({ plan, verdict, tally, ...rest }: Outcome): SeedResult => ({
  engine: plan.engine,
  seed: plan.seed,
  verdict,
  traceHash: rest.traceHash,
  steps: rest.steps,
  simulatedMs: rest.simulatedMs,
  tally: { ...tally },
  clients: plan.clients.length,
  faultsDrawn: plan.faults.length,
});
