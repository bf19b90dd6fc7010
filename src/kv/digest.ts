/**
 * 64 bits as two 32-bit lanes, each a signed 32-bit number: V8 keeps those in place, where larger ones would be
 * allocated one by one.
 */
export interface Lanes {
  readonly first: number;
  readonly second: number;
}

const firstPrime = 0xcc9e2d51;
const secondPrime = 0x1b873593;
const firstStep = 0x38495ab5;
const secondStep = 0x561ccd1b;

const rotated = (lane: number, bits: number): number => (lane << bits) | (lane >>> (32 - bits));

/** Spreads every bit of a lane over all of it (the finalizer of MurmurHash3). */
function spread(lane: number): number {
  const half = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  const most = Math.imul(half ^ (half >>> 13), 0xc2b2ae35);
  return most ^ (most >>> 16);
}

/** The state of a hash over nothing. */
export const emptyHash: Lanes = { first: 0x2545f491, second: 0x14057b7e };

/**
 * A hash of text and numbers in the order they come. It takes text one UTF-16 code unit at a time, so a text hashes
 * alike however it is cut, and the hash of a text can be continued over what is added to its end.
 *
 * It guards against faults of memory, disk and software, not against adversaries: texts of equal hash can be made.
 */
export class Hash implements Lanes {
  first: number;
  second: number;

  /** @param from the state to continue from */
  constructor(from: Lanes = emptyHash) {
    this.first = from.first;
    this.second = from.second;
  }

  text(text: string): this {
    let { first, second } = this;
    for (let index = 0; index < text.length; index += 1) {
      const unit = text.charCodeAt(index);
      first = (rotated(Math.imul(first ^ unit, firstPrime), 13) + firstStep) | 0;
      second = (rotated(Math.imul(second ^ unit, secondPrime), 17) + secondStep) | 0;
    }
    this.first = first;
    this.second = second;
    return this;
  }

  /** Bytes, and how many. */
  bytes(bytes: Uint8Array): this {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const wordsEnd = bytes.length - (bytes.length % 4);
    let { first, second } = this;
    for (let index = 0; index < wordsEnd; index += 4) {
      const word = view.getInt32(index);
      first = (rotated(Math.imul(first ^ word, firstPrime), 13) + firstStep) | 0;
      second = (rotated(Math.imul(second ^ word, secondPrime), 17) + secondStep) | 0;
    }
    this.first = first;
    this.second = second;
    for (const byte of bytes.subarray(wordsEnd)) this.#word(byte);
    return this.number(bytes.length);
  }

  /** A whole number of at most 53 bits. */
  number(value: number): this {
    this.#word(value | 0);
    this.#word((value / 0x100000000) | 0);
    return this;
  }

  lanes({ first, second }: Lanes): this {
    this.#word(first);
    this.#word(second);
    return this;
  }

  /** Spreads what was taken in over both lanes; nothing may be taken in after it. */
  finish(): this {
    this.first = spread((this.first + this.second) | 0);
    this.second = spread(this.second ^ this.first);
    return this;
  }

  #word(word: number): void {
    this.first = (rotated(Math.imul(this.first ^ word, firstPrime), 13) + firstStep) | 0;
    this.second = (rotated(Math.imul(this.second ^ word, secondPrime), 17) + secondStep) | 0;
  }
}

/** The hashes of a set, whatever the order they were added in; what was added can be taken out again. */
export class HashSum implements Lanes {
  first = 0;
  second = 0;

  add({ first, second }: Lanes): void {
    this.first = (this.first + first) | 0;
    this.second = (this.second + second) | 0;
  }

  subtract({ first, second }: Lanes): void {
    this.first = (this.first - first) | 0;
    this.second = (this.second - second) | 0;
  }
}

/** All that the digest of a state covers (rule R13). */
export interface DigestedState {
  readonly store: { readonly size: number; readonly sum: Lanes };
  readonly sessions: {
    readonly size: number;
    readonly sum: Lanes;
    readonly nextClientId: number;
    readonly uses: number;
  };
  readonly stateVersion: number;
}

const digestBytes = 48;

/** The digest in its fixed form: sums and counts, then counters and version, all big-endian. Equal for equal states. */
export function digestOf({ store, sessions, stateVersion }: DigestedState): Uint8Array {
  const bytes = new Uint8Array(digestBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(laneBytes(store.sum), 0);
  bytes.set(laneBytes(sessions.sum), 8);
  view.setUint32(16, store.size);
  view.setUint32(20, sessions.size);
  view.setBigUint64(24, BigInt(sessions.nextClientId));
  view.setBigUint64(32, BigInt(sessions.uses));
  view.setBigUint64(40, BigInt(stateVersion));
  return bytes;
}

/** The lanes as bytes, big-endian. */
export function laneBytes({ first, second }: Lanes): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, first);
  view.setInt32(4, second);
  return bytes;
}
