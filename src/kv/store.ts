import sortedBTree from 'sorted-btree';
import { chainHash } from './hash.js';
import { valueLimitBytes } from './limits.js';
import type { GetOperation, Result, WriteOperation, WriteResult } from './operation.js';

interface Entry {
  readonly value: string;
  /** Of `value` as UTF-8; kept so that an Append need not measure the whole value again. */
  readonly bytes: number;
}

const missing: Entry = { value: '', bytes: 0 };

/** The keys and values, sorted by key. */
export class Store {
  readonly #entries = new sortedBTree.default<string, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  get({ key }: GetOperation): Result {
    const entry = this.#entries.get(key);
    return { kind: 'get', value: entry?.value ?? '', found: entry !== undefined };
  }

  /** Runs a write. The only refusal is that of an Append past the value limit, which changes nothing. */
  write({ kind, key, value }: WriteOperation): WriteResult {
    const before = this.#entries.get(key) ?? missing;
    switch (kind) {
      case 'put':
        this.#set(key, value, Buffer.byteLength(value, 'utf8'));
        return { kind: 'put' };
      case 'append':
        return this.#append(key, before, value);
      case 'put-hash': {
        const hash = chainHash(before.value, value);
        this.#set(key, hash, hash.length);
        return { kind: 'put-hash', previousValue: before.value };
      }
    }
  }

  #append(key: string, before: Entry, value: string): WriteResult {
    const bytes = before.bytes + Buffer.byteLength(value, 'utf8');
    if (bytes > valueLimitBytes) {
      return {
        kind: 'refused',
        refusal: 'value-limit',
        detail: `the value would grow to ${bytes} bytes; the limit is ${valueLimitBytes}`,
      };
    }
    this.#set(key, before.value + value, bytes);
    return { kind: 'append' };
  }

  #set(key: string, value: string, bytes: number): void {
    this.#entries.set(key, { value, bytes });
  }
}
