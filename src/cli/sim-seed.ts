import { faultText } from '../sim/fault.js';
import { drawPlan } from '../sim/plan.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { printJson } from './key-value-commands.js';
import { explainFailure, explanationText, failureLine, failureOfSeed } from './sim-failure.js';
import { longDuration } from './sim-progress.js';
import { replayLine } from './sim-replay.js';
import type { SeedReply, SeedRequest, SeedRunner } from './sim-request.js';
import type { Terminal } from './terminal.js';

export interface OneSeedOptions {
  readonly runner: SeedRunner;
  readonly picture: string | undefined;
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** Simulates one seed, twice, and prints its schedule and what came of it. */
export async function simulateSeed(
  request: SeedRequest,
  { runner, picture, json, terminal }: OneSeedOptions,
): Promise<ExitCode> {
  if (!json) terminal.out(scheduleText(request));
  const reply = await runner.run(request);
  if (reply === undefined) {
    terminal.note('interrupted; the seed has no verdict');
    return exitCodes.done;
  }
  if (!json) terminal.out(verdictText(request, reply));
  const failure = failureOfSeed(request, reply);
  const { interrupted } = terminal;
  if (failure !== undefined && !json) terminal.progress('seeking a smaller schedule that fails as well');
  const explained = failure && (await explainFailure(request, failure, { runner, picture, interrupted }));
  if (json) printJson(terminal, { ...seedReport(request, reply), failure: explained ?? null });
  else if (explained !== undefined) {
    terminal.progress('');
    terminal.out(failureLine(explained) + explanationText(explained));
  }
  return failure === undefined ? exitCodes.done : exitCodes.violated;
}

interface ScheduledFault {
  readonly number: number;
  readonly text: string;
  readonly happens: boolean;
}

function scheduleOf(request: SeedRequest): ScheduledFault[] {
  const { faults, happening } = drawPlan(request);
  return faults.map((fault, number) => ({
    number,
    text: faultText(fault),
    happens: happening.includes(number),
  }));
}

function scheduleText(request: SeedRequest): string {
  const lines = scheduleOf(request).map(
    ({ number, text, happens }) => `${String(number).padStart(4)}: ${text}${happens ? '' : ' (left out)'}`,
  );
  return [replayLine(request), ...lines].map((line) => `${line}\n`).join('');
}

function verdictText({ steps }: SeedRequest, { result }: SeedReply): string {
  const { verdict, traceHash, simulatedMs, tally, clients } = result;
  const cut = steps === undefined ? '' : ' as far as it went';
  const why = verdict.kind === 'passed' ? '' : `: ${verdict.message}`;
  const operations = `${tally['operations finished'] ?? 0} operations finished of ${clients} clients`;
  const happened = Object.entries(tally).map(([name, count]) => `  ${name}: ${count}`);
  return [
    ...happened,
    `${verdict.kind}${cut}${why}`,
    `${operations}, ${longDuration(simulatedMs)} simulated in ${result.steps} steps`,
    ...(traceHash === '' ? [] : [`trace ${traceHash}${sameTwice(verdict)}`]),
  ]
    .map((line) => `${line}\n`)
    .join('');
}

const sameTwice = (verdict: SeedReply['result']['verdict']): string =>
  verdict.kind === 'failed' && verdict.check === 'determinism' ? '' : ', the same in two runs';

const seedReport = (request: SeedRequest, { result }: SeedReply) => ({
  engine: result.engine,
  seed: result.seed,
  replay: replayLine(request),
  verdict: result.verdict.kind,
  traceHash: result.traceHash,
  steps: result.steps,
  simulatedMs: result.simulatedMs,
  clients: result.clients,
  faults: scheduleOf(request),
  tally: result.tally,
});
