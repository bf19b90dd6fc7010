import type { Slot } from '../log/ids.js';

/** The values a replica holds, one a slot, without gaps from its floor on. */
export class Entries {
  #floor: Slot;
  #values: Uint8Array[];
  #bytes: number;

  constructor(floor: Slot, values: readonly Uint8Array[]) {
    this.#floor = floor;
    this.#values = [...values];
    this.#bytes = bytesOf(values);
  }

  /** The lowest slot held. */
  get floor(): Slot {
    return this.#floor;
  }

  /** The first slot not held. */
  get end(): Slot {
    return this.#floor + this.#values.length;
  }

  get size(): number {
    return this.#values.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  at(slot: Slot): Uint8Array | undefined {
    return this.#values[slot - this.#floor];
  }

  /** The values from `first` on, as many as fit `limitBytes`, but at least one if there is any. */
  page(first: Slot, limitBytes: number): Uint8Array[] {
    const page: Uint8Array[] = [];
    let bytes = 0;
    for (let slot = first; slot < this.end; slot += 1) {
      const value = this.at(slot);
      if (value === undefined) throw new RangeError(`slot ${slot} is below the floor ${this.#floor}`);
      bytes += value.length;
      if (page.length > 0 && bytes > limitBytes) break;
      page.push(value);
    }
    return page;
  }

  append(values: readonly Uint8Array[]): void {
    for (const value of values) this.#values.push(value);
    this.#bytes += bytesOf(values);
  }

  /** Drops `from` and everything after it. */
  truncate(from: Slot): void {
    this.#bytes -= bytesOf(this.#values.splice(from - this.#floor));
  }

  /** Drops everything below `floor`; what is not held up to there is passed over. */
  forgetBelow(floor: Slot): void {
    this.#bytes -= bytesOf(this.#values.splice(0, floor - this.#floor));
    this.#floor = floor;
  }
}

const bytesOf = (values: readonly Uint8Array[]): number =>
  values.reduce((sum, value) => sum + value.length, 0);
