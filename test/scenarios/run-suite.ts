import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTests, type RunRecord, type RunStore } from './run-store.js';

/** A suite and the compiled files its tests are in. */
export interface Suite {
  readonly name: string;
  readonly files: readonly string[];
  /** Of a suite that has its repetitions inside: one run makes so many. */
  readonly rounds?: number;
  /** Whether it measures what the machine is able to, so that no other suite may run beside it. */
  readonly isAlone: boolean;
}

/** A run that takes longer hangs, and is ended. */
const runLimitMs = 30 * 60_000;

const nodeWords = ['--enable-source-maps', '--expose-gc', 'node_modules/mocha/bin/mocha.js'];
// Without the project's own configuration, which names the files of all tests.
const mochaWords = ['--no-config', '--forbid-only', '--forbid-pending', '--timeout', '120000'];

interface Ended {
  /** Undefined if a signal ended the process. */
  readonly exitCode: number | undefined;
  readonly output: string;
}

function runMocha(suite: Suite, environment: Record<string, string>): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const mocha = spawn(process.execPath, [...nodeWords, ...mochaWords, ...suite.files], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const overdue = setTimeout(() => mocha.kill('SIGKILL'), runLimitMs);
    const output: Buffer[] = [];
    for (const stream of [mocha.stdout, mocha.stderr]) {
      stream.on('data', (bytes: Buffer) => output.push(bytes));
    }
    mocha.on('error', reject);
    mocha.on('close', (exitCode) => {
      clearTimeout(overdue);
      resolve({ exitCode: exitCode ?? undefined, output: Buffer.concat(output).toString() });
    });
  });
}

/** Runs a suite once, in a process and under a seed of its own, and stores the result. */
export async function runSuite(suite: Suite, store: RunStore): Promise<RunRecord> {
  const seed = randomInt(2 ** 31);
  const directory = mkdtempSync(join(tmpdir(), 'synod-run-'));
  try {
    const results = join(directory, 'results.jsonl');
    const startedAt = new Date();
    const { exitCode, output } = await runMocha(suite, {
      SYNOD_SEED: String(seed),
      SYNOD_SCENARIO_RESULTS: results,
      ...(suite.rounds === undefined ? {} : { SYNOD_ROUNDS: String(suite.rounds) }),
    });
    const tests = readTests(results);
    const run: RunRecord = {
      suite: suite.name,
      seed,
      startedAt: startedAt.toISOString(),
      passed: exitCode === 0 && tests.length > 0 && tests.every(({ passed }) => passed),
      seconds: (Date.now() - startedAt.getTime()) / 1000,
      tests: tests.map(({ title, passed, seconds }) => ({ title, passed, seconds })),
    };
    // What such a suite has measured is worth keeping, also when all is well.
    if (!run.passed || suite.rounds !== undefined) {
      const rounds = suite.rounds === undefined ? '' : ` SYNOD_ROUNDS=${suite.rounds}`;
      const words = [...nodeWords, ...mochaWords, ...suite.files].join(' ');
      writeFileSync(
        store.outputPath(suite.name, seed),
        `${output}\nexit code ${exitCode}\nrun again: SYNOD_SEED=${seed}${rounds} node ${words}\n`,
      );
    }
    if (suite.rounds !== undefined) console.log(output);
    store.append(run);
    return run;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
