import sortedBTree from 'sorted-btree';
import { Hash, HashSum, type Lanes } from './digest.js';
import { chainHash } from './hash.js';
import { valueLimitBytes } from './limits.js';
import { emptyText, joined, measured, type MeasuredText } from './measured-text.js';
import type { GetOperation, Result, WriteOperation, WriteResult } from './operation.js';

/** The length keeps the key's end apart from the value's beginning. */
const keyHash = (key: string): Lanes => new Hash().text(key).number(key.length);
const hashUnder = (key: Lanes, value: MeasuredText): Lanes =>
  new Hash(key).lanes(value).number(value.bytes).finish();

/** The hash of one entry. */
export const entryHash = (key: string, value: MeasuredText): Lanes => hashUnder(keyHash(key), value);

/** The entries as they stood at one time. */
export interface EntriesView {
  readonly size: number;
  readonly sum: Lanes;
  /** In the order of their keys. */
  entries(): Iterable<readonly [key: string, value: MeasuredText]>;
}

const compareKeys = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** The keys and values, sorted by key (by UTF-16 code units). */
export class Store {
  readonly #entries = new sortedBTree.default<string, MeasuredText>(undefined, compareKeys);
  readonly #sum = new HashSum();

  get size(): number {
    return this.#entries.size;
  }

  /** Of all entries; kept up to date at a cost that does not grow with them. */
  get sum(): Lanes {
    return this.#sum;
  }

  get({ key }: GetOperation): Result {
    const value = this.#entries.get(key);
    return { kind: 'get', value: value?.text ?? '', found: value !== undefined };
  }

  /** The value of a key, empty if there is none. */
  valueOf(key: string): MeasuredText {
    return this.#entries.get(key) ?? emptyText;
  }

  /** Runs a write. The only refusal is that of an Append past the value limit, which changes nothing. */
  write({ kind, key, value }: WriteOperation): WriteResult {
    const before = this.#entries.get(key);
    switch (kind) {
      case 'put':
        this.#set(key, before, measured(value));
        return { kind: 'put' };
      case 'append':
        return this.#append(key, before, value);
      case 'put-hash': {
        const previousValue = before?.text ?? '';
        this.#set(key, before, measured(chainHash(previousValue, value)));
        return { kind: 'put-hash', previousValue };
      }
    }
  }

  /** Adds an entry of a snapshot, whose key is above all keys here. */
  restore(key: string, value: MeasuredText): void {
    this.#set(key, undefined, value);
  }

  /** The entries as they stand; no later write shows in it. Taking it costs nothing: nodes are copied when written. */
  view(): EntriesView {
    const entries = this.#entries.clone();
    const { first, second } = this.#sum;
    return { size: entries.size, sum: { first, second }, entries: () => entries.entries() };
  }

  #append(key: string, before: MeasuredText | undefined, suffix: string): WriteResult {
    const suffixBytes = Buffer.byteLength(suffix, 'utf8');
    const beginning = before ?? emptyText;
    const bytes = beginning.bytes + suffixBytes;
    if (bytes > valueLimitBytes) {
      return {
        kind: 'refused',
        refusal: 'value-limit',
        detail: `the value would grow to ${bytes} bytes; the limit is ${valueLimitBytes}`,
      };
    }
    this.#set(key, before, joined(beginning, suffix, suffixBytes));
    return { kind: 'append' };
  }

  #set(key: string, before: MeasuredText | undefined, value: MeasuredText): void {
    const hash = keyHash(key);
    if (before !== undefined) this.#sum.subtract(hashUnder(hash, before));
    this.#sum.add(hashUnder(hash, value));
    this.#entries.set(key, value);
  }
}
