import { execFile } from 'node:child_process';
import { appendFile, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { simulatedEngines } from '../sim/seed-result.js';
import { totals } from '../sim/totals.js';
import { CommandFailure } from './command-failure.js';
import { isSystemError, systemErrorText } from './system-error.js';

const source = z.object({
  /** What `git rev-parse HEAD` says. */
  commit: z.string(),
  /** Whether the working tree was that of the commit. */
  isClean: z.boolean(),
});

const part = z.object({
  engine: z.enum(simulatedEngines),
  from: z.number(),
  seeds: z.number(),
  replicas: z.number(),
  operations: z.number(),
  ...source.shape,
  totals,
});

/** What the software that is simulated was made from. */
export type Source = Readonly<z.infer<typeof source>>;
/** Seeds that follow each other and have all been simulated. */
export type Part = Readonly<z.infer<typeof part>>;

const run = promisify(execFile);
const sourceDirectory = dirname(fileURLToPath(import.meta.url));

/** @throws CommandFailure if this is no checkout */
export async function sourceOf(): Promise<Source> {
  const git = async (...words: readonly string[]): Promise<string> =>
    (await run('git', words, { cwd: sourceDirectory })).stdout.trim();
  try {
    return {
      commit: await git('rev-parse', 'HEAD'),
      isClean: (await git('status', '--porcelain')) === '',
    };
  } catch {
    throw new CommandFailure({
      kind: 'usage',
      message: `--record keeps parts by their commit, and ${sourceDirectory} is in no git checkout; leave it out`,
    });
  }
}

/** The parts in a file; none if there is no such file. @throws CommandFailure if it cannot be read */
export async function readParts(file: string): Promise<Part[]> {
  const text = await textOf(file);
  return text.split('\n').flatMap((line) => {
    const parsed = part.safeParse(jsonOf(line));
    // The last line of a run that was killed may be cut short.
    return parsed.success ? [parsed.data] : [];
  });
}

/** Adds a part to a file, which is made if it is not there. @throws CommandFailure if it cannot be written */
export async function appendPart(file: string, added: Part): Promise<void> {
  const text = await textOf(file);
  const isCutShort = text !== '' && !text.endsWith('\n');
  try {
    await appendFile(file, `${isCutShort ? '\n' : ''}${JSON.stringify(added)}\n`);
  } catch (error) {
    throw new CommandFailure({ kind: 'storage-failed', message: `${file}: ${systemErrorText(error)}` });
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return '';
    throw new CommandFailure({ kind: 'usage', message: `${file} cannot be read: ${systemErrorText(error)}` });
  }
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
