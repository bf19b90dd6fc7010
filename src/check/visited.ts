import { numberAt } from './indexing.js';
import { grown } from './growing-array.js';

/** A set of sequences of 32-bit numbers. Hashes only find candidates; equality is of the sequences. */
export class Visited {
  /** Each sequence after its length, one behind the other. */
  #words = new Int32Array(4096);
  #used = 0;
  #count = 0;
  /** Open addressing; where a sequence begins in #words, plus 1, or 0. */
  #slots = new Int32Array(4096);

  get bytes(): number {
    return this.#words.byteLength + this.#slots.byteLength;
  }

  /** Adds a copy; answers whether it was not there yet. */
  add(numbers: Int32Array): boolean {
    const mask = this.#slots.length - 1;
    let slot = hashOf(numbers, 0, numbers.length) & mask;
    for (;;) {
      const start = numberAt(this.#slots, slot) - 1;
      if (start < 0) break;
      if (this.#isAt(start, numbers)) return false;
      slot = (slot + 1) & mask;
    }
    this.#slots[slot] = this.#append(numbers) + 1;
    this.#count += 1;
    if (this.#count * 2 > this.#slots.length) this.#spread();
    return true;
  }

  #isAt(start: number, numbers: Int32Array): boolean {
    if (numberAt(this.#words, start) !== numbers.length) return false;
    for (let index = 0; index < numbers.length; index += 1) {
      if (this.#words[start + 1 + index] !== numbers[index]) return false;
    }
    return true;
  }

  #append(numbers: Int32Array): number {
    const start = this.#used;
    this.#used += numbers.length + 1;
    this.#words = grown(this.#words, this.#used);
    this.#words[start] = numbers.length;
    this.#words.set(numbers, start + 1);
    return start;
  }

  #spread(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let start = 0; start < this.#used; start += numberAt(this.#words, start) + 1) {
      let slot = hashOf(this.#words, start + 1, numberAt(this.#words, start)) & mask;
      while (numberAt(slots, slot) !== 0) slot = (slot + 1) & mask;
      slots[slot] = start + 1;
    }
    this.#slots = slots;
  }
}

function hashOf(numbers: Int32Array, start: number, length: number): number {
  let hash = length;
  for (let index = start; index < start + length; index += 1) {
    hash = Math.imul(hash ^ numberAt(numbers, index), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}
