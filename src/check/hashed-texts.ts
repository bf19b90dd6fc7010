import type { State } from './state-table.js';

/**
 * Which texts PutHashes have hashed, by what they left. A hash that is known to be that of one text is that of another only
 * by accident; but another PutHash may have hashed the same text, split elsewhere into previous and new value.
 */
export class HashedTexts {
  readonly #textsOf = new Map<State, string[]>();

  add(hash: State, text: string): void {
    const texts = this.#textsOf.get(hash);
    if (texts === undefined) this.#textsOf.set(hash, [text]);
    else texts.push(text);
  }

  /** Undoes the last `add` of this hash. */
  remove(hash: State): void {
    this.#textsOf.get(hash)?.pop();
  }

  /**
   * Whether a PutHash of `value` can have left, without an accident, what a shown value begins with.
   * @param hashes one of which it is, for all that is known
   */
  mayBeOf(hashes: readonly State[], value: string): boolean {
    const texts = hashes.flatMap((hash) => this.#textsOf.get(hash) ?? []);
    return texts.length === 0 || texts.some((text) => text.endsWith(value));
  }
}
