/** Runs suites of scenarios over and over: `make scenarios RUNS=20 SUITE=paxos JOBS=2`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RunStore } from './run-store.js';
import { runSuite, type Suite } from './run-suite.js';
import { formatTable } from './run-table.js';

const buildDirectory = 'build';
const testDirectory = join(buildDirectory, 'test', 'scenarios');

/** Suites of which every file makes all repetitions in one run of its own. */
const suitesWithRounds: readonly string[] = ['durability'];

/** They name moments and records of one engine. */
const filesOfPaxos: readonly string[] = ['durability-points.test.js', 'durability-corruption.test.js'];

/** They hold the whole machine to what it is able to, and are suites of their own. */
const filesAlone: readonly string[] = ['omnipaxos-steady.test.js'];

/** Elsewhere the first dash in the name of a file ends that of its suite. */
const suitesWithDash: readonly string[] = ['primary-backup'];

const suiteOf = (file: string): string =>
  suitesWithDash.find((suite) => file.startsWith(`${suite}-`)) ?? file.slice(0, file.search(/[-.]/));

/** The files of a suite are named after it: `SUITE.test.js` and `SUITE-PART.test.js`. */
function findSuites(only: string, runCount: number, variant: string): Suite[] {
  const files = readdirSync(testDirectory).filter((file) => file.endsWith('.test.js'));
  const names = [...new Set(files.map(suiteOf))].filter((name) => only === '' || name === only);
  return names.sort().flatMap((name): Suite[] => {
    const own = files.filter((file) => suiteOf(file) === name).sort();
    const pathOf = (file: string) => join(testDirectory, file);
    if (!suitesWithRounds.includes(name)) {
      const beside = own.filter((file) => !filesAlone.includes(file)).map(pathOf);
      const alone = own.filter((file) => filesAlone.includes(file));
      return [
        { name: `${name}${variant}`, files: beside, isAlone: false },
        ...alone.map((file) => ({
          name: `${file.replace('.test.js', '')}${variant}`,
          files: [pathOf(file)],
          isAlone: true,
        })),
      ];
    }
    const rounds = own.filter((file) => variant === '' || !filesOfPaxos.includes(file));
    return rounds.map((file) => ({
      name: `${file.replace('.test.js', '')}${variant}-${runCount}`,
      files: [pathOf(file)],
      rounds: runCount,
      isAlone: true,
    }));
  });
}

const atLeastOne = (option: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`${option} is "${text}"; write a number from 1`);
  return value;
};

/**
 * Runs what is missing of `runCount` runs, `jobCount` at a time, then what must run alone, and answers whether all runs are
 * good.
 */
async function runAll(suites: readonly Suite[], runCount: number, jobCount: number): Promise<boolean> {
  const store = new RunStore(buildDirectory);
  const finished = new Map(suites.map(({ name }) => [name, store.completeRuns(name)]));
  const missing = suites.flatMap((suite) => {
    const wanted = suite.rounds === undefined ? runCount : 1;
    const count = Math.max(0, wanted - finished.get(suite.name)!.length);
    return Array.from({ length: count }, () => suite);
  });
  const work = async (waiting: Suite[]) => {
    for (let suite = waiting.shift(); suite !== undefined; suite = waiting.shift()) {
      const run = await runSuite(suite, store);
      const runs = finished.get(suite.name)!;
      runs.push(run);
      const outcome = run.passed ? 'passed' : `FAILED, see ${store.outputPath(suite.name, run.seed)}`;
      const progress = `${suite.name} ${runs.length}/${suite.rounds === undefined ? runCount : 1}`;
      console.log(`${progress}  seed ${run.seed}  ${run.seconds.toFixed(1)} s  ${outcome}`);
    }
  };
  const beside = missing.filter(({ isAlone }) => !isAlone);
  await Promise.all(Array.from({ length: jobCount }, () => work(beside)));
  await work(missing.filter(({ isAlone }) => isAlone));
  console.log(`\nresults in ${store.directory}`);
  for (const [name, runs] of finished) console.log(`\n${formatTable(name, runs)}`);
  return [...finished.values()].flat().every(({ passed }) => passed);
}

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    suite: { type: 'string', default: '' },
    jobs: { type: 'string', default: '1' },
    disk: { type: 'string', default: 'none' },
    reads: { type: 'string', default: 'barrier' },
    engine: { type: 'string', default: 'paxos' },
  },
});
// What the clusters of the suites are made like; they read it from there.
process.env['SYNOD_DISK'] = values.disk;
process.env['SYNOD_READS'] = values.reads;
process.env['SYNOD_ENGINE'] = values.engine;
const variant = `${values.disk === 'none' ? '' : '-disk'}${values.reads === 'barrier' ? '' : '-log-reads'}${values.engine === 'paxos' ? '' : `-${values.engine}`}`;
const runCount = atLeastOne('RUNS', values.runs);
const suites = findSuites(values.suite, runCount, variant);
if (suites.length === 0) throw new RangeError(`there is no suite "${values.suite}" in ${testDirectory}`);
const allGood = await runAll(suites, runCount, atLeastOne('JOBS', values.jobs));
process.exitCode = allGood ? 0 : 1;
