import { writeFile } from 'node:fs/promises';
import { faultText } from '../sim/fault.js';
import { drawPlan } from '../sim/plan.js';
import { shrink, type Schedule } from '../sim/shrink.js';
import { processLives } from './sim-process.js';
import { replayLine } from './sim-replay.js';
import type { SeedReply, SeedRequest, SeedRunner } from './sim-request.js';
import { systemErrorText } from './system-error.js';

/** What is known of a seed that failed. */
export interface SeedFailure {
  readonly engine: string;
  readonly seed: number;
  readonly check: string;
  readonly message: string;
  readonly atMs: number;
  /** The command line that runs it again. */
  readonly replay: string;
  /** Null unless a smaller schedule was sought. */
  readonly shrunk: ShrunkFailure | null;
  /** Why its history has no order; null if it has one. */
  readonly explanation: string | null;
  /** The file in which that is drawn; null if there is none. */
  readonly picture: string | null;
  /** Why it could not be drawn. */
  readonly notWritten: string | null;
  /** The last that its process said; empty unless that died. */
  readonly stderr: string;
}

/** The smallest schedule found that fails by the same check. */
export interface ShrunkFailure {
  readonly replay: string;
  /** A line each. */
  readonly faults: readonly string[];
  readonly operations: number;
  /** How many worlds were simulated to find it. */
  readonly runs: number;
  /** Whether none of its faults can be left out. */
  readonly isMinimal: boolean;
}

export interface ExplainOptions {
  readonly runner: SeedRunner;
  /** Where a violation is drawn; default: a file in the working directory that is named by engine and seed. */
  readonly picture?: string | undefined;
  /** Ends the search for a smaller schedule. */
  readonly interrupted: AbortSignal;
}

/** How long a smaller schedule is sought. */
const shrinkLimits = { runLimit: 300, timeLimitMs: 60_000 };
/** A world that takes longer is no smaller one to look at. */
const worldLimitMs = 30_000;

/** A failed seed as it is known at once; undefined if it has not failed. */
export function failureOfSeed(
  request: SeedRequest,
  { result: { verdict }, stderr }: SeedReply,
): SeedFailure | undefined {
  if (verdict.kind !== 'failed') return undefined;
  const { check, message, atMs } = verdict;
  const { engine, seed } = request;
  const unknown = { shrunk: null, explanation: null, picture: null, notWritten: null };
  return { engine, seed, check, message, atMs, replay: replayLine(request), ...unknown, stderr };
}

/** Seeks a smaller schedule that fails by the same check, and draws its violation if it is one. */
export async function explainFailure(
  request: SeedRequest,
  failure: SeedFailure,
  options: ExplainOptions,
): Promise<SeedFailure> {
  const small = await shrunkRequest(request, failure, options);
  if (failure.check === processLives) return { ...failure, shrunk: small?.shrunk ?? null };
  const explained = await options.runner.run(
    { ...(small?.request ?? request), isRepeated: false, isTraced: false, isExplained: true },
    worldLimitMs,
  );
  const violation = explained?.violation ?? null;
  const drawn = violation === null ? {} : await draw(violation.picture, failure, options);
  return {
    ...failure,
    shrunk: small?.shrunk ?? null,
    explanation: violation?.explanation ?? null,
    ...drawn,
  };
}

/** Undefined if there is nothing to be sought: what differs from run to run has no schedule of its own. */
async function shrunkRequest(
  request: SeedRequest,
  { check }: SeedFailure,
  { runner, interrupted }: ExplainOptions,
): Promise<{ readonly request: SeedRequest; readonly shrunk: ShrunkFailure } | undefined> {
  if (check === 'determinism') return undefined;
  const { faults, happening } = drawPlan(request);
  const scheduled = ({ faults: onlyFaults, operations }: Schedule): SeedRequest => ({
    ...request,
    onlyFaults: [...onlyFaults],
    operations,
    isRepeated: false,
    isTraced: false,
  });
  const found = await shrink({
    schedule: { faults: happening, operations: request.operations },
    fails: async (candidate) => {
      if (interrupted.aborted) return false;
      const reply = await runner.run(scheduled(candidate), worldLimitMs);
      const verdict = reply?.result.verdict;
      return verdict?.kind === 'failed' && verdict.check === check;
    },
    ...shrinkLimits,
    clock: performance,
  });
  const smallest = scheduled(found);
  const { runs, isMinimal, operations } = found;
  const texts = found.faults.flatMap((number) => {
    const fault = faults[number];
    return fault === undefined ? [] : [`${number}: ${faultText(fault)}`];
  });
  return {
    request: smallest,
    shrunk: { replay: replayLine(smallest), faults: texts, operations, runs, isMinimal },
  };
}

async function draw(
  text: string,
  { engine, seed }: SeedFailure,
  { picture = `synod-sim-${engine}-${seed}.html` }: ExplainOptions,
): Promise<Pick<SeedFailure, 'picture' | 'notWritten'>> {
  try {
    await writeFile(picture, text);
    return { picture, notWritten: null };
  } catch (error) {
    return { picture: null, notWritten: `${picture}: ${systemErrorText(error)}` };
  }
}

/** One line: the command line that replays, and what it shows. */
export const failureLine = ({ replay, check, message, atMs }: SeedFailure): string =>
  `${replay}  # ${check}: ${message} (at ${(atMs / 1000).toFixed(2)} s)\n`;

/** What was found out about it, below its line. */
export function explanationText({ shrunk, explanation, picture, notWritten, stderr }: SeedFailure): string {
  const lines = [
    ...(shrunk === null ? [] : shrunkLines(shrunk)),
    ...(explanation === null ? [] : [explanation]),
    ...(picture === null ? [] : [`drawn in ${picture}`]),
    ...(notWritten === null ? [] : [`not drawn: ${notWritten}`]),
    ...(stderr === '' ? [] : ['it said at the end:', ...stderr.trimEnd().split('\n')]),
  ];
  return lines.map((line) => `  ${line}\n`).join('');
}

function shrunkLines({ replay, faults, operations, runs, isMinimal }: ShrunkFailure): string[] {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  const more = isMinimal ? '' : '; the search ended early, so fewer may do';
  return [
    `fails by the same check with ${count} and ${operations === 1 ? '1 operation' : `${operations} operations`} (${runs} runs${more}):`,
    ...faults.map((fault) => `  ${fault}`),
    replay,
  ];
}
