/** A death is quick if it comes within so many milliseconds of the start. */
export const quickDeathMs = 10_000;
/** A run so long makes up for every death before it. */
export const longRunMs = 30_000;
/** After so many quick deaths a replica is given up. */
export const quickDeathLimit = 5;

const firstWaitMs = 500;
const longestWaitMs = 10_000;

/** What is remembered of a replica's deaths. */
export interface DeathRecord {
  /** How long the next restart waits, in milliseconds. */
  readonly nextWaitMs: number;
  readonly quickDeaths: number;
}

export const noDeaths: DeathRecord = { nextWaitMs: firstWaitMs, quickDeaths: 0 };

/** What follows a death. */
export type Verdict =
  | { readonly kind: 'restart'; readonly afterMs: number; readonly record: DeathRecord }
  | { readonly kind: 'give-up' };

/**
 * Judges a death after a run of `ranMs` milliseconds: waits double from 500 ms to 10 s, a run of 30 s begins anew, and
 * the fifth quick death is the last.
 */
export function judgeDeath(record: DeathRecord, ranMs: number): Verdict {
  const before = ranMs >= longRunMs ? noDeaths : record;
  const quickDeaths = before.quickDeaths + (ranMs < quickDeathMs ? 1 : 0);
  if (quickDeaths >= quickDeathLimit) return { kind: 'give-up' };
  const afterMs = before.nextWaitMs;
  return {
    kind: 'restart',
    afterMs,
    record: { nextWaitMs: Math.min(longestWaitMs, 2 * afterMs), quickDeaths },
  };
}
