import type { LiveRun } from '../check/live-run.js';
import { ClerkError } from '../clerk/clerk-error.js';
import type { Clerk } from '../clerk/connect.js';
import { writeCheckFiles } from './check-files.js';
import { judge } from './check-judge.js';
import type { Judgement } from './check-judgement.js';
import { checkPlan, type CheckFlags, type CheckPlan } from './check-plan.js';
import { showProgress, type Progress } from './check-progress.js';
import { checkReport, checkText } from './check-report.js';
import { openCheck } from './check-service.js';
import { clerkFailure } from './clerk-failure.js';
import { CommandFailure } from './command-failure.js';
import { formatDuration } from './duration.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { printJson } from './key-value-commands.js';
import { pinoLogger } from './pino-logger.js';
import type { Terminal } from './terminal.js';

const exitCodeOf: Record<Judgement['kind'], ExitCode> = {
  linearizable: exitCodes.done,
  violated: exitCodes.violated,
  unknown: exitCodes.noVerdict,
};

/**
 * Lets clerks call a running cluster, and says whether its answers were those of one store. Ctrl-C ends the calls, and what
 * was done is judged.
 * @throws CommandFailure
 */
export async function checkCommand(flags: CheckFlags, terminal: Terminal): Promise<ExitCode> {
  const plan = await checkPlan(flags);
  const check = openCheck(plan, pinoLogger(flags.logLevel, { command: 'check' }), terminal.interrupted);
  const { run } = check;
  const progress = showProgress(run.tally, plan.durationMs, flags.json ?? false, terminal);
  try {
    const interrupted = await makeCalls(check, plan, progress, terminal).finally(() => check.close());
    const { history } = run;
    progress.say(`judging ${history.length} calls`);
    // Once Ctrl-C has ended the calls, the next one ends the process.
    const judgement = await judge(history, interrupted ? undefined : terminal.interrupted);
    const files = await writeCheckFiles(plan, history, judgement);
    const report = checkReport({ plan, judgement, tally: run.tally, history, interrupted, ...files });
    progress.end();
    if (flags.json) printJson(terminal, report);
    else terminal.out(checkText(report));
    return exitCodeOf[judgement.kind];
  } finally {
    progress.end();
  }
}

/** Resolves when all calls have ended: whether that was early. @throws CommandFailure */
async function makeCalls(
  { run, clerks: [first] }: { readonly run: LiveRun; readonly clerks: readonly [Clerk, ...Clerk[]] },
  plan: CheckPlan,
  progress: Progress,
  { interrupted }: Terminal,
): Promise<boolean> {
  await reach(first, plan, interrupted);
  progress.start();
  await run.work(plan.durationMs);
  if (run.tally.answered === 0) throw nothingAnswered(run, plan, interrupted);
  const early = interrupted.aborted ? 'interrupted, judging what was done (Ctrl-C again ends at once): ' : '';
  progress.say(`${early}reading all keys once more`);
  await run.readAll();
  return interrupted.aborted;
}

/** Asks the cluster once, so that an address that is wrong is told before the calls begin. @throws CommandFailure */
async function reach(
  clerk: Clerk,
  { target, timeoutMs, keyPrefix }: CheckPlan,
  signal: AbortSignal,
): Promise<void> {
  try {
    await clerk.find(keyPrefix, { timeoutMs, signal });
  } catch (error) {
    if (!(error instanceof ClerkError)) throw error;
    // Exit code 0 is for a verdict alone.
    if (error.kind === 'aborted') throw noVerdict('interrupted before the first call; nothing was checked');
    throw clerkFailure(error, { command: 'check', writes: false, target, timeoutMs });
  }
}

function nothingAnswered({ tally }: LiveRun, plan: CheckPlan, interrupted: AbortSignal): CommandFailure {
  const failure = tally.lastFailure === undefined ? '' : ` (the last failure: ${tally.lastFailure})`;
  if (interrupted.aborted) return noVerdict(`interrupted before any call was answered${failure}`);
  const message = `no call was answered in ${formatDuration(plan.durationMs)}${failure}; nothing was checked`;
  return new CommandFailure({ kind: 'unreachable', message });
}

const noVerdict = (message: string): CommandFailure => new CommandFailure({ kind: 'no-verdict', message });
