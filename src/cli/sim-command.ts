import type { ExitCode } from './exit-codes.js';
import { printJson } from './key-value-commands.js';
import { EngineRun } from './sim-engine-run.js';
import { simPlan, type SeedsPlan, type SimFlags } from './sim-plan.js';
import { SeedPool } from './sim-pool.js';
import { SeedProcess } from './sim-process.js';
import { sourceOf, type Source } from './sim-record.js';
import { engineReport, engineText, exitCodeOf, type EngineReport } from './sim-report.js';
import type { SeedRunner } from './sim-request.js';
import { simulateSeed } from './sim-seed.js';
import { printTotals } from './sim-totals.js';
import type { Terminal } from './terminal.js';

/** What the command reaches for outside of it; tests hand in their own. */
export interface SimSurroundings {
  readonly newRunner: (printsTrace: boolean) => SeedRunner;
  /** What the software was made from; for the record. */
  readonly sourceOf: () => Promise<Source>;
}

const realSurroundings: SimSurroundings = {
  newRunner: (printsTrace) => new SeedProcess({ printsTrace }),
  sourceOf,
};

/** Simulates clusters from seeds, and says whether each did what is promised. Ctrl-C ends it with what it has. @throws CommandFailure */
export async function simCommand(
  flags: SimFlags,
  terminal: Terminal,
  surroundings: SimSurroundings = realSurroundings,
): Promise<ExitCode> {
  const plan = await simPlan(flags);
  const json = flags.json ?? false;
  if (plan.kind === 'totals') return await printTotals(plan.file, json, terminal);
  const jobs = plan.kind === 'seed' ? 1 : Math.min(plan.jobs, plan.count);
  const printsTrace = plan.kind === 'seed' && plan.request.isTraced;
  const pool = new SeedPool(Array.from({ length: jobs }, () => surroundings.newRunner(printsTrace)));
  const close = () => pool.close();
  terminal.interrupted.addEventListener('abort', close, { once: true });
  if (terminal.interrupted.aborted) close();
  try {
    if (plan.kind === 'seeds') return await simulateSeeds(plan, pool, { json, terminal, surroundings });
    const { request, picture } = plan;
    return await simulateSeed(request, { runner: pool.idle, picture, json, terminal });
  } finally {
    terminal.interrupted.removeEventListener('abort', close);
    close();
  }
}

interface SeedsOptions {
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly surroundings: SimSurroundings;
}

/** Many seeds of each engine in turn. */
async function simulateSeeds(
  plan: SeedsPlan,
  pool: SeedPool,
  { json, terminal, surroundings }: SeedsOptions,
): Promise<ExitCode> {
  const source = plan.record === undefined ? undefined : await surroundings.sourceOf();
  const reports: EngineReport[] = [];
  for (const engine of plan.engines) {
    if (terminal.interrupted.aborted) break;
    const run = new EngineRun({ engine, plan, pool, terminal, json, source });
    const { totals, failures } = await run.run();
    const report = engineReport(totals, failures, plan.world, terminal.interrupted.aborted);
    reports.push(report);
    if (!json) terminal.out(engineText(report));
  }
  const interrupted = terminal.interrupted.aborted;
  if (json) printJson(terminal, { interrupted, engines: reports });
  else if (interrupted) terminal.note('interrupted; this is what was done until then');
  return exitCodeOf(reports);
}
