import { numberAt } from './indexing.js';

/** Which operations have a place in the order; a bit each. */
export class PlacedSet {
  /** The answered operations by call, then, from a word of their own on, those of unknown outcome. */
  readonly #bits: Int32Array;
  readonly #unknownWord: number;
  readonly #bitOf: Int32Array;
  readonly #scratch: Int32Array;

  constructor(answered: readonly number[], unknown: readonly number[]) {
    this.#unknownWord = Math.ceil(answered.length / 32);
    this.#bits = new Int32Array(this.#unknownWord + Math.ceil(unknown.length / 32));
    this.#bitOf = new Int32Array(answered.length + unknown.length);
    for (const [bit, number] of answered.entries()) this.#bitOf[number] = bit;
    for (const [bit, number] of unknown.entries()) this.#bitOf[number] = this.#unknownWord * 32 + bit;
    this.#scratch = new Int32Array(this.#bits.length + 3);
  }

  has(number: number): boolean {
    const bit = numberAt(this.#bitOf, number);
    return (numberAt(this.#bits, bit >>> 5) & (1 << (bit & 31))) !== 0;
  }

  /** Puts it in if it is not there, and else takes it out. */
  flip(number: number): void {
    const bit = numberAt(this.#bitOf, number);
    this.#bits[bit >>> 5] = numberAt(this.#bits, bit >>> 5) ^ (1 << (bit & 31));
  }

  /**
   * The set with two numbers more, in as few as tell it from every other: most answered operations stand before all that is
   * under way, or have not been reached. Good until the next call.
   */
  key(one: number, other: number): Int32Array {
    let first = 0;
    while (first < this.#unknownWord && this.#bits[first] === -1) first += 1;
    let last = this.#unknownWord;
    while (last > first && this.#bits[last - 1] === 0) last -= 1;
    this.#scratch[0] = one;
    this.#scratch[1] = other;
    this.#scratch[2] = first;
    this.#scratch.set(this.#bits.subarray(first, last), 3);
    const unknown = this.#bits.subarray(this.#unknownWord);
    this.#scratch.set(unknown, 3 + last - first);
    return this.#scratch.subarray(0, 3 + last - first + unknown.length);
  }
}
