import { kindsOf } from './kinds.js';
import { occurrenceOf, type Totals } from './totals.js';

/** From how many seeds on sums say whether a kind has become rare. */
export const fewestSeedsForFloors = 300;
const leastShareOfSeeds = 0.1;
const leastShareFinished = 0.95;
const fewestOperations = 200;
const fewestClients = 4;
const fewestFaults = 10;

/** What worlds of a run lack altogether, in words: a run in which nothing happened shows nothing. */
export function nothingHappened(sums: Totals): readonly string[] {
  const names = ['operations finished', 'faults', 'messages delivered'];
  return names
    .filter((name) => occurrenceOf(sums, name).count === 0)
    .map((name) => `${name}: none in ${sums.seeds} seeds, so that nothing was tested`);
}

/** What seeds of one engine with the default options have too little of, in words; empty for fewer seeds than tell it. */
export function missedFloors(sums: Totals): readonly string[] {
  if (sums.seeds < fewestSeedsForFloors) return [];
  return [...rareKinds(sums), ...tooFewFinished(sums), ...tooSmall(sums)];
}

const rareKinds = (sums: Totals): string[] =>
  kindsOf(sums.engine).flatMap((name) => {
    const { seeds } = occurrenceOf(sums, name);
    if (seeds >= leastShareOfSeeds * sums.seeds) return [];
    return [`${name}: in ${share(seeds, sums.seeds)} of the seeds; at least ${percent(leastShareOfSeeds)}`];
  });

function tooFewFinished({ operations: { begun, finished } }: Totals): string[] {
  if (finished >= leastShareFinished * begun) return [];
  return [`operations finished: ${share(finished, begun)}; at least ${percent(leastShareFinished)}`];
}

function tooSmall(sums: Totals): string[] {
  const { fewest, seeds } = sums;
  const tooLow: string[] = [];
  const hold = (what: string, value: number, least: number) => {
    if (value < least) tooLow.push(`${what}: ${value}; at least ${least}`);
  };
  hold('operations begun in the seed with the fewest', fewest?.operations ?? 0, fewestOperations);
  hold('clients in the seed with the fewest', fewest?.clients ?? 0, fewestClients);
  hold('faults drawn in the seed with the fewest', fewest?.faultsDrawn ?? 0, fewestFaults);
  hold('faults that happened, on average', occurrenceOf(sums, 'faults').count / seeds, fewestFaults);
  return tooLow;
}

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
const share = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;
