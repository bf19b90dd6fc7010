import { z } from 'zod';
import { explanation } from '../check/describe-entry.js';
import type { History } from '../check/history.js';
import { checkLinearizable } from '../check/linearizable.js';
import { violationPicture } from '../check/picture.js';
import { simulateTwice, type Simulate } from '../sim/repeat.js';
import { seedResult, seedResultOf, simulatedEngines } from '../sim/seed-result.js';

/** The form of a `SeedRequest` that comes from another process. */
export const seedRequest = z.object({
  engine: z.enum(simulatedEngines),
  seed: z.number(),
  replicas: z.number(),
  operations: z.number(),
  /** Of events, after which the world ends; absent: when all is done. */
  steps: z.number().optional(),
  /** The faults that happen, by number; absent: all. */
  onlyFaults: z.array(z.number()).optional(),
  /** Whether the seed runs twice, so that the traces can be compared. */
  isRepeated: z.boolean(),
  /** Whether a violation is to be explained and drawn. */
  isExplained: z.boolean(),
  /** Whether the trace is printed. */
  isTraced: z.boolean(),
});

const violation = z.object({
  /** A few sentences. */
  explanation: z.string(),
  /** A page of HTML. */
  picture: z.string(),
});

/** The form of a `SeedReply` that comes from another process. */
export const seedReply = z.object({
  result: seedResult,
  /** Null unless the history was to be explained and has no order. */
  violation: violation.nullable(),
  /** The last that the process wrote to standard error, if it died; else empty. */
  stderr: z.string(),
});

/** One seed to be simulated. */
export type SeedRequest = Readonly<z.infer<typeof seedRequest>>;
/** What came of it. */
export type SeedReply = Readonly<z.infer<typeof seedReply>>;

/** Simulates seeds, one at a time. */
export interface SeedRunner {
  /**
   * Resolves whatever the simulated code does; with undefined once this runner is closed.
   * @param limitMs how long the seed may take in real time, if not as long as any may
   */
  run(request: SeedRequest, limitMs?: number): Promise<SeedReply | undefined>;
  close(): void;
}

export interface AnswerOptions {
  readonly simulate: Simulate;
  /** Told of each line of the trace, if that is to be printed. */
  readonly line: (line: string) => void;
}

const checkLimits = { stepLimit: 2_000_000 };

/** Simulates what is requested. Rejects if the simulated code throws where nobody catches it. */
export async function answerSeed(
  request: SeedRequest,
  { simulate, line }: AnswerOptions,
): Promise<SeedReply> {
  const { isRepeated, isExplained, isTraced, ...world } = request;
  const options = { ...world, line: isTraced ? line : undefined };
  const outcome = isRepeated ? await simulateTwice(options, simulate) : await simulate(options);
  return {
    result: seedResultOf(outcome),
    violation: isExplained && outcome.verdict.kind === 'failed' ? explained(outcome.history) : null,
    stderr: '',
  };
}

function explained(history: History): SeedReply['violation'] {
  const verdict = checkLinearizable(history, checkLimits);
  if (verdict.kind !== 'violated') return null;
  return {
    explanation: explanation(verdict.violation),
    picture: violationPicture(history, verdict.violation),
  };
}
