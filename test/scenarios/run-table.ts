import type { RunRecord, TestRecord } from './run-store.js';

/** Stands for what failed in a run without any test of it failing: a hook, or the process. */
const outsideTests = '(outside the tests)';

interface Row {
  readonly title: string;
  readonly runs: number;
  readonly failures: number;
  /** In ascending order. */
  readonly seconds: readonly number[];
}

const middleOf = (ascending: readonly number[]): number | undefined =>
  ascending[Math.floor((ascending.length - 1) / 2)];

const testsOf = (run: RunRecord): TestRecord[] => {
  const isUnexplained = !run.passed && run.tests.every(({ passed }) => passed);
  return isUnexplained
    ? [...run.tests, { title: outsideTests, passed: false, seconds: run.seconds }]
    : run.tests;
};

function rowsOf(runs: readonly RunRecord[]): Row[] {
  const tests = runs.flatMap(testsOf);
  return [...new Set(tests.map(({ title }) => title))].map((title) => {
    const same = tests.filter((test) => test.title === title);
    return {
      title,
      runs: same.length,
      failures: same.filter(({ passed }) => !passed).length,
      seconds: same.map(({ seconds }) => seconds).sort((left, right) => left - right),
    };
  });
}

const cells = (row: Row): string[] => [
  row.title,
  String(row.runs),
  String(row.failures),
  ...[row.seconds[0], middleOf(row.seconds), row.seconds.at(-1)].map((seconds) => (seconds ?? 0).toFixed(1)),
];

/** A line per test of the runs of one suite: how often it ran and failed, and its fastest, middle and slowest run. */
export function formatTable(suite: string, runs: readonly RunRecord[]): string {
  const failures = runs.filter(({ passed }) => !passed).length;
  const lines = [['title', 'runs', 'failures', 'min s', 'median s', 'max s'], ...rowsOf(runs).map(cells)];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  '),
  );
  return [`${suite}: ${runs.length} runs, ${failures} failed`, ...text].join('\n');
}
