import { kindGroups, kindsOf } from '../sim/kinds.js';
import { occurrenceOf, type Totals } from '../sim/totals.js';
import { longDuration } from './sim-progress.js';

type Row = readonly [name: string, count: string, share: string];

/** The sums of many seeds, for people: what happened, how often, and in which share of the seeds. */
export function totalsTable(sums: Totals): string {
  const groups = [
    ...kindGroups.map(({ title, names }) => ({ title, rows: rowsOf(sums, names) })),
    { title: 'told by servers', rows: rowsOf(sums, otherNames(sums)) },
  ].filter(({ rows }) => rows.length > 0);
  const rows = groups.flatMap((group) => group.rows);
  const width = (column: 0 | 1 | 2) => Math.max(0, ...rows.map((row) => row[column].length));
  const [nameWidth, countWidth, shareWidth] = [width(0), width(1), width(2)];
  const lines = groups.flatMap(({ title, rows: own }) => [
    title,
    ...own.map(
      ([name, count, share]) =>
        `  ${name.padEnd(nameWidth)}  ${count.padStart(countWidth)}  in ${share.padStart(shareWidth)} of the seeds`,
    ),
  ]);
  return [...headLines(sums), ...lines].map((line) => `${line}\n`).join('');
}

function headLines({ engine, seeds, passed, deadEnds, failed, steps, ...rest }: Totals): string[] {
  const { begun, finished } = rest.operations;
  const dead = deadEnds === 0 ? '' : `, ${deadEnds} dead ends`;
  return [
    `${engine}: ${seeds} seeds, ${passed} passed${dead}, ${failed.length} failed`,
    `${longDuration(rest.simulatedMs)} simulated in ${steps} steps; ` +
      `of the operations of seeds that passed ${percent(finished, begun)} finished`,
  ];
}

/** What happened, and what should have. */
const rowsOf = (sums: Totals, names: readonly string[]): Row[] =>
  names.flatMap((name): Row[] => {
    const { count, seeds } = occurrenceOf(sums, name);
    if (count === 0 && !kindsOf(sums.engine).includes(name)) return [];
    return [[name, String(count), percent(seeds, sums.seeds)]];
  });

/** What no group names. */
function otherNames({ happened }: Totals): string[] {
  const grouped = new Set(kindGroups.flatMap(({ names }) => names));
  return Object.keys(happened)
    .filter((name) => !grouped.has(name))
    .sort();
}

const percent = (part: number, whole: number): string =>
  whole === 0 ? 'none' : `${((100 * part) / whole).toFixed(1)} %`;
