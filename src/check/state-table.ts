import { itemAt, numberAt } from './indexing.js';
import { grown } from './growing-array.js';

/** What a key holds, as a number: equal numbers of one table are equal values. */
export type State = number;

/** The key is missing, which is not the same as holding the empty text. */
export const missingState: State = 0;
export const emptyState: State = 1;
/** Answered by a service that contradicts itself; no key is ever in it. */
export const impossibleState: State = 2;

const noParent = -1;
const offsetBasis = 0x811c9dc5 | 0;
const prime = 0x01000193;

function continuedHash(hash: number, text: string): number {
  let continued = hash;
  for (let index = 0; index < text.length; index += 1) {
    continued = Math.imul(continued ^ text.charCodeAt(index), prime);
  }
  return continued;
}

/**
 * Values, each stored once. A value that an Append made is stored as what it grew from and what was added, so that a
 * long list costs its new item and not its length. Hashes only find candidates; equality is of the texts.
 */
export class StateTable {
  #parents = new Int32Array(1024);
  #lengths = new Int32Array(1024);
  #hashes = new Int32Array(1024);
  /** The whole value, or what was added to the parent. */
  readonly #texts: string[] = [];
  /** Open addressing; a state's number plus 1, or 0. */
  #slots = new Int32Array(4096);

  constructor() {
    for (const _state of [missingState, emptyState, impossibleState])
      this.#push(noParent, '', 0, offsetBasis);
    this.#enter(emptyState);
  }

  /** What the table takes, roughly. */
  get bytes(): number {
    return this.#parents.byteLength * 3 + this.#slots.byteLength + this.#texts.length * 8;
  }

  /** The state of a key that holds `text`. */
  of(text: string): State {
    const hash = continuedHash(offsetBasis, text);
    return this.#find(hash, text.length, noParent, text) ?? this.#add(noParent, text, text.length, hash);
  }

  /** The state after an Append of `suffix`. */
  appended(state: State, suffix: string): State {
    const parent = state === missingState ? emptyState : state;
    if (suffix === '') return parent;
    const hash = continuedHash(numberAt(this.#hashes, parent), suffix);
    const length = numberAt(this.#lengths, parent) + suffix.length;
    return this.#find(hash, length, parent, suffix) ?? this.#add(parent, suffix, length, hash);
  }

  /** The value of a key in this state; "" if it is missing. */
  text(state: State): string {
    const parts: string[] = [];
    for (let part = state; part !== noParent; part = numberAt(this.#parents, part)) {
      parts.push(itemAt(this.#texts, part));
    }
    return parts.reverse().join('');
  }

  /** Whether Appends alone, or none, can lead from one state to the other. */
  growsInto(state: State, later: State): boolean {
    if (state === later || state === missingState) return later !== impossibleState;
    if (later === missingState || later === impossibleState) return false;
    let end = numberAt(this.#lengths, state);
    if (end > numberAt(this.#lengths, later)) return false;
    const whole = numberAt(this.#parents, later) === noParent ? itemAt(this.#texts, later) : this.text(later);
    for (let part = state; part !== noParent; part = numberAt(this.#parents, part)) {
      const text = itemAt(this.#texts, part);
      end -= text.length;
      if (!whole.startsWith(text, end)) return false;
    }
    return true;
  }

  #find(hash: number, length: number, parent: number, text: string): State | undefined {
    const mask = this.#slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const state = numberAt(this.#slots, slot) - 1;
      if (state < 0) return undefined;
      if (numberAt(this.#hashes, state) !== hash || numberAt(this.#lengths, state) !== length) continue;
      if (this.#isMadeOf(state, parent, text)) return state;
    }
  }

  #isMadeOf(state: State, parent: number, text: string): boolean {
    if (numberAt(this.#parents, state) === parent) return itemAt(this.#texts, state) === text;
    return this.text(state) === (parent === noParent ? text : this.text(parent) + text);
  }

  #add(parent: number, text: string, length: number, hash: number): State {
    const state = this.#push(parent, text, length, hash);
    if (this.#texts.length * 2 > this.#slots.length) {
      this.#slots = new Int32Array(this.#slots.length * 2);
      for (let earlier = 0; earlier < state; earlier += 1) {
        if (earlier !== missingState && earlier !== impossibleState) this.#enter(earlier);
      }
    }
    this.#enter(state);
    return state;
  }

  #push(parent: number, text: string, length: number, hash: number): State {
    const state = this.#texts.length;
    this.#parents = grown(this.#parents, state + 1);
    this.#lengths = grown(this.#lengths, state + 1);
    this.#hashes = grown(this.#hashes, state + 1);
    this.#parents[state] = parent;
    this.#lengths[state] = length;
    this.#hashes[state] = hash;
    this.#texts.push(text);
    return state;
  }

  #enter(state: State): void {
    const mask = this.#slots.length - 1;
    let slot = numberAt(this.#hashes, state) & mask;
    while (numberAt(this.#slots, slot) !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = state + 1;
  }
}
