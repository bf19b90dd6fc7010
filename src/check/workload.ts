import { keyLimitBytes } from '../kv/limits.js';
import type { Operation } from '../kv/operation.js';
import type { Random } from '../runtime/random.js';
import { itemAt } from './indexing.js';

export interface WorkloadOptions {
  readonly random: Random;
  /** What every key begins with. */
  readonly prefix: string;
  /** From 1 to `keyCountLimit`. */
  readonly keyCount: number;
  /** Whose calls these are: different for every client on the same keys, without a closing parenthesis. */
  readonly client: string;
}

/** Each kind as often as it stands here. */
const kinds = [
  ...Array<'get'>(8).fill('get'),
  ...Array<'append'>(6).fill('append'),
  ...Array<'put'>(3).fill('put'),
  ...Array<'put-hash'>(3).fill('put-hash'),
] as const;

/** One key of so many is hot, and half of the calls go to hot keys. */
const keysPerHotKey = 8;

/**
 * After so many calls of a client its hottest key turns cold and the next one hot. So no key has most of the calls of a long
 * run, which would make it hard to judge, and most keys have to keep what was written while they were hot.
 */
const callsPerHotKey = 16;

/**
 * How often a client appends to a key before it replaces the value. As every client does so, a value holds no more than so
 * many texts of each, but for replacements that were lost.
 */
export const appendsInARow = 8;

export const keyCountLimit = 10_000;

/** What a prefix may have, so that every key is one. */
export const prefixLimitBytes = keyLimitBytes - `k${keyCountLimit - 1}`.length;

/** The keys of a workload. @throws RangeError */
export function workloadKeys(prefix: string, keyCount: number): string[] {
  if (!Number.isSafeInteger(keyCount) || keyCount < 1 || keyCount > keyCountLimit) {
    throw new RangeError(`keyCount is ${keyCount}; it must be a whole number from 1 to ${keyCountLimit}`);
  }
  return Array.from({ length: keyCount }, (_key, index) => `${prefix}k${index}`);
}

/**
 * What one client calls, made so that a checker sees what goes wrong: every value written is one that nobody else writes and
 * that no other begins with, so an answer shows which writes it is made of; some keys are hot, so that calls meet, and
 * some cold, so that values have to last; and values stay short.
 */
export class Workload {
  readonly #random: Random;
  readonly #client: string;
  readonly #keys: readonly string[];
  readonly #hotCount: number;
  /** Appends to each key since this client last replaced its value. */
  readonly #appends = new Map<string, number>();
  #called = 0;
  #written = 0;

  /** @throws RangeError if an option is not what it says */
  constructor({ random, prefix, keyCount, client }: WorkloadOptions) {
    if (client.includes(')'))
      throw new RangeError(`the client "${client}" has a closing parenthesis; leave it out`);
    this.#random = random;
    this.#client = client;
    this.#keys = workloadKeys(prefix, keyCount);
    this.#hotCount = Math.ceil(keyCount / keysPerHotKey);
  }

  /**
   * The operation to call next.
   * @param uncertainKey the key of a call of unknown outcome, if the last one was: then a Get of it, until it is answered.
   * It shows whether that call took effect, and keeps writes of unknown outcome from piling up while nobody answers: they are
   * what makes a history hard to judge.
   */
  next(uncertainKey?: string): Operation {
    if (uncertainKey !== undefined) return { kind: 'get', key: uncertainKey };
    const key = this.#key();
    const kind = itemAt(kinds, this.#random.below(kinds.length));
    this.#called += 1;
    if (kind === 'get') return { kind, key };
    this.#written += 1;
    return { kind: this.#bounded(kind, key), key, value: `(${this.#client}.${this.#written})` };
  }

  /** A kind that keeps the value of the key short. */
  #bounded(kind: 'append' | 'put' | 'put-hash', key: string): 'append' | 'put' | 'put-hash' {
    const appends = this.#appends.get(key) ?? 0;
    if (kind === 'append' && appends < appendsInARow) {
      this.#appends.set(key, appends + 1);
      return kind;
    }
    this.#appends.delete(key);
    return kind === 'append' ? 'put' : kind;
  }

  #key(): string {
    const isHot = this.#random.below(2) === 0;
    const index = isHot
      ? Math.floor(this.#called / callsPerHotKey) + this.#random.below(this.#hotCount)
      : this.#random.below(this.#keys.length);
    return itemAt(this.#keys, index % this.#keys.length);
  }
}
