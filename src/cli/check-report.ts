import type { CallTally, Latencies } from '../check/call-tally.js';
import type { History } from '../check/history.js';
import type { CheckFiles } from './check-files.js';
import type { Judgement } from './check-judgement.js';
import { judgeLimitMs } from './check-judge.js';
import type { CheckPlan } from './check-plan.js';
import { formatDuration } from './duration.js';

/** What `synod check --json` prints. */
export interface CheckReport {
  readonly verdict: Judgement['kind'];
  /** Whether Ctrl-C ended the calls before their time. */
  readonly interrupted: boolean;
  /** For how long clients called. */
  readonly durationMs: number;
  readonly clients: number;
  readonly calls: {
    readonly get: number;
    readonly put: number;
    readonly append: number;
    readonly putHash: number;
  };
  readonly answered: number;
  readonly unknown: number;
  readonly notExecuted: number;
  /** Of the answered calls, in milliseconds. */
  readonly latencyMs: Latencies;
  readonly longestPauseMs: number;
  readonly keyPrefix: string;
  readonly keys: number;
  /** How many keys the store has now that were not there before; those of unknown writes included. */
  readonly keysLeft: number;
  readonly seed: number;
  readonly steps: number;
  readonly lastFailure: string | null;
  /** Null unless there is one; `picture` is null if it could not be written. */
  readonly violation: {
    readonly key: string;
    readonly explanation: string;
    readonly picture: string | null;
  } | null;
  /** What ended the search for an order, and where; null unless the verdict is unknown. */
  readonly exhausted: {
    readonly limit: string;
    readonly key: string | null;
    readonly keysJudged: number;
  } | null;
  /** The file the history is in; null if it was not written. */
  readonly history: string | null;
  /** The files that could not be written, and why. */
  readonly notWritten: readonly string[];
}

/** What a check came to. */
export interface CheckResult extends CheckFiles {
  readonly plan: CheckPlan;
  readonly judgement: Judgement;
  readonly tally: CallTally;
  readonly history: History;
  /** Whether Ctrl-C ended the calls before their time. */
  readonly interrupted: boolean;
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10;

export function checkReport(result: CheckResult): CheckReport {
  const { plan, judgement, tally, pictureFile: picture } = result;
  const { p50, p99, max } = tally.latenciesMs ?? { p50: 0, p99: 0, max: 0 };
  const { get, put, append, 'put-hash': putHash } = tally.calls;
  return {
    verdict: judgement.kind,
    interrupted: result.interrupted,
    durationMs: Math.round(tally.durationMs),
    clients: plan.clientCount,
    calls: { get, put, append, putHash },
    answered: tally.answered,
    unknown: tally.unknown,
    notExecuted: tally.notExecuted,
    latencyMs: { p50: rounded(p50), p99: rounded(p99), max: rounded(max) },
    longestPauseMs: rounded(tally.longestPauseMs),
    keyPrefix: plan.keyPrefix,
    keys: plan.keyCount,
    keysLeft: keysLeftBy(result.history),
    seed: plan.seed,
    steps: judgement.steps,
    lastFailure: tally.lastFailure ?? null,
    violation:
      judgement.kind === 'violated'
        ? { key: judgement.key, explanation: judgement.explanation, picture }
        : null,
    exhausted:
      judgement.kind === 'unknown'
        ? { limit: judgement.limit, key: judgement.key ?? null, keysJudged: judgement.keysJudged }
        : null,
    history: result.historyFile,
    notWritten: result.problems,
  };
}

const keysLeftBy = (history: History): number =>
  new Set(history.flatMap(({ operation: { kind, key } }) => (kind === 'get' ? [] : [key]))).size;

/** The report for people: the verdict first. */
export function checkText(report: CheckReport): string {
  const lines = [verdictText(report), ...figures(report).map(([name, text]) => `${name.padEnd(14)}${text}`)];
  return lines.map((line) => `${line}\n`).join('');
}

function verdictText(report: CheckReport): string {
  const { violation, exhausted, keys, answered } = report;
  if (violation !== null) {
    return `violated: key ${JSON.stringify(violation.key)} is not linearizable\n${violation.explanation} Times are milliseconds from the start.`;
  }
  if (exhausted === null) {
    return `linearizable: all ${answered} answers fit an order of the calls on each of ${keys} keys`;
  }
  const { limit, key, keysJudged } = exhausted;
  const where =
    key === null ? '' : ` on key ${JSON.stringify(key)}; ${keysJudged} of ${keys} keys have an order`;
  return `unknown: ${limitText(limit)}${where}\nNothing wrong was found. ${remedy(limit)}`;
}

function limitText(limit: string): string {
  if (limit === 'interrupted') return 'interrupted before the verdict';
  return limit === 'time'
    ? `no verdict within ${formatDuration(judgeLimitMs)}`
    : `no verdict within the ${limit} there is for it`;
}

const remedy = (limit: string): string =>
  limit === 'interrupted'
    ? 'To get a verdict, let the check end.'
    : 'Check for a shorter time, with more --keys or a lower --rate.';

type Figure = readonly [name: string, text: string];

const optional = (name: string, text: string | null): Figure[] => (text === null ? [] : [[name, text]]);

function figures(report: CheckReport): Figure[] {
  const { calls, latencyMs, keys, keysLeft, keyPrefix, violation } = report;
  const { get, put, append, putHash } = calls;
  const prefix = JSON.stringify(keyPrefix);
  const early = report.interrupted ? ', ended early by Ctrl-C' : '';
  return [
    ['duration', `${formatDuration(report.durationMs)}${early}`],
    ['clients', String(report.clients)],
    [
      'calls',
      `${get + put + append + putHash}: ${get} get, ${put} put, ${append} append, ${putHash} puthash`,
    ],
    ['answered', String(report.answered)],
    ['unknown', String(report.unknown)],
    ['not executed', String(report.notExecuted)],
    ['latency', `p50 ${latencyMs.p50}ms, p99 ${latencyMs.p99}ms, max ${latencyMs.max}ms`],
    ['longest pause', `${report.longestPauseMs}ms without any answer`],
    ['keys', `${keys} under ${prefix}`],
    ['left behind', `${keysLeft} keys under ${prefix}; nothing deletes them`],
    ['seed', String(report.seed)],
    ...optional('last failure', report.lastFailure),
    ...optional('picture', violation?.picture ?? null),
    ...optional('history', report.history),
    ...report.notWritten.map((problem) => ['not written', problem] as const),
  ];
}
