import type { History, HistoryEntry } from './history.js';
import type { Violation } from './linearizable.js';

/** One operation. Columns are moments, in their order: what is further right was later, however much. */
export interface PictureBar {
  readonly entry: HistoryEntry;
  readonly lane: number;
  /** Of its lane; operations of one client that were under way at once have rows of their own. */
  readonly row: number;
  readonly start: number;
  /** Where it was answered or given up; if it took effect later than it was given up, where it did. */
  readonly end: number;
  /** Its number in the longest legal prefix, from 1, and the column it takes effect in. */
  readonly place: { readonly number: number; readonly column: number } | undefined;
  readonly isCulprit: boolean;
}

export interface PictureLane {
  readonly client: string;
  readonly rows: number;
}

export interface PictureLayout {
  readonly lanes: readonly PictureLane[];
  /** In the order of their calls. */
  readonly bars: readonly PictureBar[];
  readonly columns: number;
  /** Operations on the key that are not shown because they are too far from the culprit. */
  readonly omitted: number;
}

/** How long a bar is whose client waits still. */
const openColumns = 4;

const endOf = ({ calledAt, end }: HistoryEntry): number =>
  end.kind === 'answered' ? end.at : (end.gaveUpAt ?? calledAt);

/**
 * Where everything stands in the picture of a violation: the operations on its key, of which at most about `around` were
 * called before the culprit was answered, and a tenth of that after.
 */
export function pictureLayout(history: History, violation: Violation, around: number): PictureLayout {
  const onKey = history.filter(({ operation }) => operation.key === violation.key);
  const entries = entriesAround(onKey, violation, around);
  const moments = momentsOf(entries);
  const clients = [...new Set(entries.map(({ client }) => client))].sort(inNaturalOrder);
  const places = placesOf(violation, moments.starts);
  const spans = entries.map((entry) => spanOf(entry, moments, places.get(entry)?.column ?? 0));
  const rows = rowsOf(spans);
  const bars = spans.map(({ entry, start, end }) => ({
    entry,
    lane: clients.indexOf(entry.client),
    row: rows.rowOf.get(entry) ?? 0,
    start,
    end,
    place: places.get(entry),
    isCulprit: entry === violation.culprit,
  }));
  const lanes = clients.map((client) => ({ client, rows: rows.countOf.get(client) ?? 1 }));
  const columns = bars.reduce((most, { end }) => Math.max(most, end + 1), 1);
  return { lanes, bars, columns, omitted: onKey.length - entries.length };
}

const inNaturalOrder = (one: string, other: string): number =>
  one.localeCompare(other, 'en', { numeric: true });

function entriesAround(onKey: History, { culprit, prefix }: Violation, around: number): HistoryEntry[] {
  const byCall = [...onKey].sort((one, other) => one.calledAt - other.calledAt);
  const known = byCall.filter(({ calledAt }) => calledAt <= endOf(culprit));
  const near = new Set(known.slice(-Math.max(1, around)));
  near.add(culprit);
  const first = Math.min(culprit.calledAt, known.at(-Math.max(1, around))?.calledAt ?? -Infinity);
  const numberOf = new Map(prefix.map((entry, index) => [entry, index]));
  const lowest = [...near].reduce((least, entry) => Math.min(least, numberOf.get(entry) ?? least), Infinity);
  for (const entry of known) {
    const ranLate = entry.end.kind === 'unknown' && (numberOf.get(entry) ?? -1) >= lowest;
    if (endOf(entry) >= first || ranLate) near.add(entry);
  }
  const later = byCall.slice(known.length, known.length + Math.ceil(around / 10));
  return [...byCall.filter((entry) => near.has(entry)), ...later];
}

interface Span {
  readonly entry: HistoryEntry;
  readonly start: number;
  readonly end: number;
}

interface Moments {
  readonly starts: ReadonlyMap<HistoryEntry, number>;
  readonly ends: ReadonlyMap<HistoryEntry, number>;
}

/** The calls and ends as columns; at one instant calls come first, which is how the checker takes them. */
function momentsOf(entries: readonly HistoryEntry[]): Moments {
  const moments = entries.flatMap((entry) => [
    { entry, time: entry.calledAt, isEnd: false },
    ...(hasEnd(entry) ? [{ entry, time: endOf(entry), isEnd: true }] : []),
  ]);
  moments.sort((one, other) => one.time - other.time || Number(one.isEnd) - Number(other.isEnd));
  const [starts, ends] = [new Map<HistoryEntry, number>(), new Map<HistoryEntry, number>()];
  for (const [column, { entry, isEnd }] of moments.entries()) (isEnd ? ends : starts).set(entry, column);
  return { starts, ends };
}

function spanOf(entry: HistoryEntry, { starts, ends }: Moments, ranAt: number): Span {
  const start = starts.get(entry) ?? 0;
  return { entry, start, end: Math.max(ends.get(entry) ?? start + openColumns, ranAt) };
}

const hasEnd = ({ end }: HistoryEntry): boolean => end.kind === 'answered' || end.gaveUpAt !== undefined;

function rowsOf(spans: readonly Span[]) {
  const [rowOf, countOf] = [new Map<HistoryEntry, number>(), new Map<string, number>()];
  const lastEnds = new Map<string, number[]>();
  for (const { entry, start, end } of spans) {
    const ends = lastEnds.get(entry.client) ?? [];
    lastEnds.set(entry.client, ends);
    const free = ends.findIndex((lastEnd) => lastEnd < start);
    const row = free < 0 ? ends.length : free;
    ends[row] = end;
    rowOf.set(entry, row);
    countOf.set(entry.client, ends.length);
  }
  return { rowOf, countOf };
}

/** Each takes effect as early as its call and what stands before it allow, which is never after its answer. */
function placesOf({ prefix }: Violation, starts: ReadonlyMap<HistoryEntry, number>) {
  const places = new Map<HistoryEntry, { readonly number: number; readonly column: number }>();
  let column = 0;
  for (const [index, entry] of prefix.entries()) {
    column = Math.max(column, starts.get(entry) ?? 0);
    places.set(entry, { number: index + 1, column });
  }
  return places;
}
