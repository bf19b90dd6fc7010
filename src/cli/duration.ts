const millisecondsPer = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
]);

/** The longest duration that is taken, a day: timers beyond 24 days would fire at once. */
const limitMs = 24 * 60 * 60_000;

/**
 * Reads `500ms`, `5s`, `1.5m` as milliseconds.
 * @throws RangeError that names the forms there are
 */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text);
  const durationMs = Number(match?.[1]) * (millisecondsPer.get(match?.[2] ?? '') ?? NaN);
  if (durationMs >= 1 && durationMs <= limitMs) return durationMs;
  throw new RangeError('Write a duration of 1ms to 1440m as 500ms, 5s or 1m');
}

/** The shortest spelling: 500ms, 1.5s, 2m. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)}ms`;
  if (durationMs % 60_000 === 0) return `${durationMs / 60_000}m`;
  return `${Math.round(durationMs / 100) / 10}s`;
}
