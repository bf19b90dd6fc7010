/** Runs suites of scenarios over and over: `make scenarios RUNS=20 SUITE=paxos JOBS=2`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RunStore } from './run-store.js';
import { runSuite, type Suite } from './run-suite.js';
import { formatTable } from './run-table.js';

const buildDirectory = 'build';
const testDirectory = join(buildDirectory, 'test', 'scenarios');

/** The files of a suite are named after it: `SUITE.test.js` and `SUITE-PART.test.js`. */
function findSuites(only: string): Suite[] {
  const files = readdirSync(testDirectory).filter((file) => file.endsWith('.test.js'));
  const suiteOf = (file: string) => file.slice(0, file.search(/[-.]/));
  const names = [...new Set(files.map(suiteOf))].filter((name) => only === '' || name === only);
  return names.sort().map((name) => ({
    name,
    files: files
      .filter((file) => suiteOf(file) === name)
      .sort()
      .map((file) => join(testDirectory, file)),
  }));
}

const atLeastOne = (option: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${option} is "${text}"; write a number from 1`);
  return value;
};

/** Runs what is missing of `runCount` runs, `jobCount` at a time, and answers whether all runs are good. */
async function runAll(suites: readonly Suite[], runCount: number, jobCount: number): Promise<boolean> {
  const store = new RunStore(buildDirectory);
  const finished = new Map(suites.map(({ name }) => [name, store.completeRuns(name)]));
  const waiting = suites.flatMap((suite) => {
    const missing = Math.max(0, runCount - finished.get(suite.name)!.length);
    return Array.from({ length: missing }, () => suite);
  });
  const work = async () => {
    for (let suite = waiting.shift(); suite !== undefined; suite = waiting.shift()) {
      const run = await runSuite(suite, store);
      const runs = finished.get(suite.name)!;
      runs.push(run);
      const outcome = run.passed ? 'passed' : `FAILED, see ${store.outputPath(suite.name, run.seed)}`;
      const progress = `${suite.name} ${runs.length}/${runCount}`;
      console.log(`${progress}  seed ${run.seed}  ${run.seconds.toFixed(1)} s  ${outcome}`);
    }
  };
  await Promise.all(Array.from({ length: jobCount }, work));
  console.log(`\nresults in ${store.directory}`);
  for (const [name, runs] of finished) console.log(`\n${formatTable(name, runs)}`);
  return [...finished.values()].flat().every(({ passed }) => passed);
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    suite: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
  },
});
const suites = findSuites(values.suite);
if (suites.length === 0) throw new RangeError(`there is no suite "${values.suite}" in ${testDirectory}`);
const allGood = await runAll(suites, atLeastOne('RUNS', values.runs), atLeastOne('JOBS', values.jobs));
process.exitCode = allGood ? 0 : 1;
