import { randomBytes, randomInt } from 'node:crypto';
import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { keyCountLimit } from '../check/workload.js';
import type { ClerkTarget } from '../clerk/connect.js';
import { CommandFailure } from './command-failure.js';
import { formatDuration } from './duration.js';
import type { ClientFlags } from './key-value-commands.js';
import { systemErrorText } from './system-error.js';

export interface CheckFlags extends ClientFlags {
  readonly clients: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Calls a second. */
  readonly rate: number;
  readonly prefix: string;
  readonly keys?: number;
  readonly seed?: number;
  readonly picture?: string;
  readonly history?: string;
}

/** What a check is going to do. */
export interface CheckPlan {
  readonly target: ClerkTarget;
  readonly clientCount: number;
  readonly durationMs: number;
  readonly ratePerSecond: number;
  /** Of each call. */
  readonly timeoutMs: number;
  /** What every key begins with. No other run has it, so every key is missing at first, as the checker takes it. */
  readonly keyPrefix: string;
  readonly keyCount: number;
  readonly seed: number;
  readonly pictureFile: string;
  readonly historyFile: string;
  /** Whether the history is written although nothing is wrong with it. */
  readonly keepsHistory: boolean;
}

/** All calls are held in memory until the verdict. */
const callLimit = 500_000;
const callsPerKey = 1000;
const fewestKeys = 64;

/** @throws CommandFailure if the flags do not go together, or name a file that cannot be made */
export async function checkPlan(flags: CheckFlags): Promise<CheckPlan> {
  const { endpoints, viewService, duration: durationMs, rate: ratePerSecond } = flags;
  const callCount = (durationMs / 1000) * ratePerSecond;
  if (callCount > callLimit) throw tooManyCalls(durationMs, ratePerSecond);
  const runId = randomBytes(4).toString('hex');
  await mayWrite('--picture', flags.picture);
  await mayWrite('--history', flags.history);
  return {
    target: viewService === undefined ? { endpoints } : { viewService },
    clientCount: flags.clients,
    durationMs,
    ratePerSecond,
    timeoutMs: flags.timeout,
    keyPrefix: `${flags.prefix}${runId}/`,
    keyCount: flags.keys ?? defaultKeyCount(callCount),
    seed: flags.seed ?? randomInt(2 ** 32),
    pictureFile: flags.picture ?? `synod-check-${runId}.html`,
    historyFile: flags.history ?? `synod-check-${runId}.jsonl`,
    keepsHistory: flags.history !== undefined,
  };
}

/** What has an order is found in time in proportion to the calls, as long as no key has too many of unknown outcome. */
export const defaultKeyCount = (callCount: number): number =>
  Math.min(keyCountLimit, Math.max(fewestKeys, Math.ceil(callCount / callsPerKey)));

function tooManyCalls(durationMs: number, ratePerSecond: number): CommandFailure {
  const longest = Math.floor(callLimit / ratePerSecond);
  const fastest = Math.floor((callLimit * 1000) / durationMs);
  const lower = fastest >= 1 ? ` or --rate ${fastest}` : '';
  return new CommandFailure({
    kind: 'usage',
    message:
      `--duration ${formatDuration(durationMs)} at --rate ${ratePerSecond} makes ` +
      `${Math.ceil((durationMs / 1000) * ratePerSecond)} calls; the limit is ${callLimit}: ` +
      `take --duration ${longest}s${lower}, or check several times`,
  });
}

/** A run of minutes must not end by the discovery that there is no such directory. @throws CommandFailure */
export async function mayWrite(flag: string, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const directory = dirname(file);
  try {
    await access(directory, constants.W_OK);
  } catch (error) {
    throw wrongFile(flag, file, `${directory}: ${systemErrorText(error)}`);
  }
  if (!(await isDirectory(directory))) throw wrongFile(flag, file, `${directory} is no directory`);
  if (await isDirectory(file)) throw wrongFile(flag, file, 'it is a directory');
}

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const wrongFile = (flag: string, file: string, why: string): CommandFailure =>
  new CommandFailure({
    kind: 'usage',
    message: `${flag} ${file} cannot be written (${why}); name a file in a directory that can`,
  });
