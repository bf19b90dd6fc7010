import { defaultOperations, defaultReplicas } from '../sim/defaults.js';
import { missedFloors, nothingHappened } from '../sim/floors.js';
import type { Totals } from '../sim/totals.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { SeedFailure } from './sim-failure.js';
import type { WorldOptions } from './sim-plan.js';
import { totalsTable } from './sim-table.js';

/** What is printed of the seeds of one engine. */
export interface EngineReport extends Totals {
  /** What is known of seeds that failed; null if they ran at another time. */
  readonly failures: readonly SeedFailure[] | null;
  /** What happened too rarely for these seeds to say what they should. */
  readonly missed: readonly string[];
}

/** @param isCutShort whether Ctrl-C came before all seeds had been simulated */
export function engineReport(
  totals: Totals,
  failures: readonly SeedFailure[] | null,
  world: WorldOptions,
  isCutShort: boolean,
): EngineReport {
  // A failed seed ends early, and a run that was cut short was to have more.
  const isJudged = !isCutShort && world.steps === undefined && totals.failed.length === 0;
  const isDefault = world.replicas === defaultReplicas && world.operations === defaultOperations;
  const missed = isJudged ? [...nothingHappened(totals), ...(isDefault ? missedFloors(totals) : [])] : [];
  return { ...totals, failures, missed };
}

export function engineText(report: EngineReport): string {
  const { missed } = report;
  const lines = missed.length === 0 ? [] : ['too little happened:', ...missed.map((line) => `  ${line}`)];
  return totalsTable(report) + lines.map((line) => `${line}\n`).join('');
}

export function exitCodeOf(reports: readonly EngineReport[]): ExitCode {
  if (reports.some(({ failed }) => failed.length > 0)) return exitCodes.violated;
  return reports.some(({ missed }) => missed.length > 0) ? exitCodes.noVerdict : exitCodes.done;
}
