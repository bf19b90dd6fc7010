import type { Answer, HistoryEntry } from '../../src/check/history.js';
import type { Operation } from '../../src/kv/operation.js';
import { Store } from '../../src/kv/store.js';
import type { Random } from '../../src/runtime/random.js';

export interface RandomHistoryOptions {
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  /** Each as often as it stands here. */
  readonly kinds: readonly Operation['kind'][];
  /** The value of the n-th operation. */
  readonly value: (number: number) => string;
  /** Of 100 calls, how many get no answer; half of those run all the same, some of them late. */
  readonly unknownPercent: number;
  /** Times are whole numbers; a call takes at most twice this long. A small one makes many ties. */
  readonly halfCallTime: number;
}

interface PlannedCall {
  readonly client: string;
  readonly operation: Operation;
  readonly calledAt: number;
  /** When it takes effect; Infinity if never. */
  readonly runsAt: number;
  readonly endsAt: number;
  readonly known: boolean;
}

export const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[random.below(items.length)]!;

function plannedCall(
  random: Random,
  options: RandomHistoryOptions,
  number: number,
  free: number[],
): PlannedCall {
  const { clients, keys, kinds, value, unknownPercent, halfCallTime } = options;
  const client = number % clients;
  const calledAt = free[client]! + random.below(3);
  const ranAt = calledAt + random.below(halfCallTime + 1);
  const endsAt = ranAt + random.below(halfCallTime + 1);
  free[client] = endsAt;
  const known = random.below(100) >= unknownPercent;
  const lateBy = random.below(2) === 0 ? 0 : random.below(10 * halfCallTime + 1);
  const runsAt = known ? ranAt : random.below(2) === 0 ? Infinity : ranAt + lateBy;
  const [kind, key] = [pick(random, kinds), `key${random.below(keys)}`];
  const operation: Operation = kind === 'get' ? { kind, key } : { kind, key, value: value(number) };
  return { client: String(client), operation, calledAt, runsAt, endsAt, known };
}

function answerOf(store: Store, operation: Operation): Answer {
  const result = operation.kind === 'get' ? store.get(operation) : store.write(operation);
  if (
    result.kind === 'get' ||
    result.kind === 'put' ||
    result.kind === 'append' ||
    result.kind === 'put-hash'
  ) {
    return result;
  }
  throw new Error(`the store refused: ${result.kind}`);
}

/** A history that is legal because it happened: the operations ran on a store, one at a time. */
export function randomLegalHistory(random: Random, options: RandomHistoryOptions): HistoryEntry[] {
  const free = Array.from({ length: options.clients }, () => 0);
  const calls = Array.from({ length: options.operations }, (_call, number) =>
    plannedCall(random, options, number, free),
  );
  const store = new Store();
  return [...calls]
    .sort((one, other) => (one.runsAt === other.runsAt ? 0 : one.runsAt - other.runsAt))
    .map(({ client, operation, calledAt, runsAt, endsAt, known }): HistoryEntry => {
      const answer = runsAt === Infinity ? undefined : answerOf(store, operation);
      return {
        client,
        operation,
        calledAt,
        end:
          known && answer !== undefined
            ? { kind: 'answered', at: endsAt, answer }
            : { kind: 'unknown', gaveUpAt: endsAt },
      };
    });
}

const shown = ({ end }: HistoryEntry): string | undefined => {
  if (end.kind === 'unknown') return undefined;
  if (end.answer.kind === 'get') return end.answer.value;
  return end.answer.kind === 'put-hash' ? end.answer.previousValue : undefined;
};

/** The entry with another value in its answer. */
function showing(entry: HistoryEntry, value: string): HistoryEntry {
  const { end } = entry;
  if (end.kind === 'unknown') return entry;
  if (end.answer.kind === 'get') {
    return { ...entry, end: { ...end, answer: { kind: 'get', value, found: value !== '' } } };
  }
  if (end.answer.kind !== 'put-hash') return entry;
  return { ...entry, end: { ...end, answer: { kind: 'put-hash', previousValue: value } } };
}

/** What one change makes of an entry: nothing, if it takes it away although its effect may have been seen. */
function changed(random: Random, entry: HistoryEntry, values: readonly string[]): HistoryEntry[] {
  const { end } = entry;
  if (end.kind === 'unknown' || random.below(12) === 0) return [];
  const others = values.filter((value) => value !== shown(entry));
  if (shown(entry) !== undefined && others.length > 0 && random.below(4) > 0) {
    return [showing(entry, pick(random, others))];
  }
  // Shorter: it was called only when it was answered, or answered as soon as it was called.
  return random.below(2) === 0
    ? [{ ...entry, calledAt: end.at }]
    : [{ ...entry, end: { ...end, at: entry.calledAt } }];
}

/** The same history with a few things changed, which may or may not make it illegal. */
export function mutated(random: Random, history: readonly HistoryEntry[]): HistoryEntry[] {
  let entries = [...history];
  for (let left = 1 + random.below(3); left > 0 && entries.length > 0; left -= 1) {
    const values = ['', 'a', ...entries.flatMap((entry) => shown(entry) ?? [])];
    const showingEntries = entries.filter((entry) => shown(entry) !== undefined);
    const entry = pick(random, showingEntries.length > 0 && random.below(3) > 0 ? showingEntries : entries);
    entries = entries.flatMap((other) => (other === entry ? changed(random, entry, values) : other));
  }
  return entries;
}
