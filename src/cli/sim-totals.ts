import { mergedTotals, noTotals } from '../sim/totals.js';
import { CommandFailure } from './command-failure.js';
import type { ExitCode } from './exit-codes.js';
import { printJson } from './key-value-commands.js';
import { readParts, type Part } from './sim-record.js';
import { replayLine } from './sim-replay.js';
import { engineReport, engineText, exitCodeOf, type EngineReport } from './sim-report.js';
import type { Terminal } from './terminal.js';

/** Parts of one engine and one kind of worlds, added up. */
interface Series {
  readonly replicas: number;
  readonly operations: number;
  /** The seeds that were simulated: the first and the last of each stretch without a gap. */
  readonly stretches: readonly (readonly [first: number, last: number])[];
  readonly report: EngineReport;
}

/** Prints the totals of the parts that a file has of the commit that was added last. @throws CommandFailure */
export async function printTotals(file: string, json: boolean, terminal: Terminal): Promise<ExitCode> {
  const parts = await readParts(file);
  const last = parts.at(-1);
  if (last === undefined) {
    throw new CommandFailure({
      kind: 'usage',
      message: `${file} has no parts; synod sim --seeds 1000 --record ${file} adds one`,
    });
  }
  const { commit, isClean } = last;
  const own = parts.filter((part) => part.commit === commit && part.isClean === isClean);
  const series = seriesOf(own);
  if (json) printJson(terminal, { commit, isClean, series });
  else terminal.out(totalsText({ commit, isClean, others: parts.length - own.length, series }));
  return exitCodeOf(series.map(({ report }) => report));
}

function seriesOf(parts: readonly Part[]): Series[] {
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const name = `${part.engine} ${part.replicas} ${part.operations}`;
    groups.set(name, [...(groups.get(name) ?? []), part]);
  }
  return [...groups.values()].map(added);
}

function added(parts: readonly Part[]): Series {
  const counted = withoutOverlaps(parts);
  const [{ engine, replicas, operations }] = counted;
  const stretches: [number, number][] = [];
  let totals = noTotals(engine);
  for (const part of counted) {
    totals = mergedTotals(totals, part.totals);
    const end = stretches.at(-1);
    const last = part.from + part.seeds - 1;
    if (end?.[1] === part.from - 1) end[1] = last;
    else stretches.push([part.from, last]);
  }
  const report = engineReport(totals, null, { replicas, operations }, false);
  return { replicas, operations, stretches, report };
}

/** In ascending order; of parts that have seeds in common the first counts, so that none counts twice. */
function withoutOverlaps(parts: readonly Part[]): [Part, ...Part[]] {
  const [first, ...rest] = [...parts].sort((one, other) => one.from - other.from);
  if (first === undefined) throw new RangeError('a series has at least one part');
  const counted: [Part, ...Part[]] = [first];
  let next = first.from + first.seeds;
  for (const part of rest) {
    if (part.from < next) continue;
    counted.push(part);
    next = part.from + part.seeds;
  }
  return counted;
}

function totalsText({
  commit,
  isClean,
  others,
  series,
}: {
  readonly commit: string;
  readonly isClean: boolean;
  readonly others: number;
  readonly series: readonly Series[];
}): string {
  const unclean = isClean ? '' : ', changed: its parts need not be of the same software';
  const left = others === 0 ? '' : `; ${others} parts of other commits are left out`;
  return [`commit ${commit}${unclean}${left}\n`, ...series.map(seriesText)].join('');
}

function seriesText({ replicas, operations, stretches, report }: Series): string {
  const { engine, failed } = report;
  const stretchText = stretches.map(([first, end]) => `${first} to ${end}`).join(', ');
  const gaps = stretches
    .slice(1)
    .map(([first], index) => `${(stretches[index]?.[1] ?? 0) + 1} to ${first - 1}`);
  const gapText = gaps.length === 0 ? '' : `; missing: ${gaps.join(', ')}`;
  const failures = failed.map(
    ({ seed, check }) => `${replayLine({ engine, seed, replicas, operations })}  # ${check}\n`,
  );
  return `\nseeds ${stretchText}${gapText}\n${engineText(report)}${failures.join('')}`;
}
