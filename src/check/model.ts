import { chainHash } from '../kv/hash.js';
import type { Operation } from '../kv/operation.js';
import type { Answer } from './history.js';
import { emptyState, impossibleState, missingState, type State, type StateTable } from './state-table.js';

/** An operation on one key, with what it shows of the key's value if its answer is known. */
export type KeyOperation =
  /** What the key held, missing or not, when it was read. */
  | { readonly kind: 'get'; readonly shows: State }
  | { readonly kind: 'put'; readonly leaves: State }
  | { readonly kind: 'append'; readonly suffix: string }
  /** `shows` and `leaves` are undefined if nobody saw the answer. */
  | {
      readonly kind: 'put-hash';
      readonly value: string;
      readonly shows: State | undefined;
      readonly leaves: State | undefined;
    };

/**
 * The sequential specification of one key: a register that begins missing. Get answers the value, "" and `found`
 * false if there is none. Put replaces it, Append adds to its end, PutHash replaces it by the hash of the previous value and
 * the new one, and answers the previous one.
 */
export class KeyModel {
  readonly #states: StateTable;

  constructor(states: StateTable) {
    this.#states = states;
  }

  /** @param answer undefined if nobody saw it */
  operation(operation: Operation, answer: Answer | undefined): KeyOperation {
    switch (operation.kind) {
      case 'get':
        return { kind: 'get', shows: this.#shownByGet(answer) };
      case 'put':
        return { kind: 'put', leaves: this.#states.of(operation.value) };
      case 'append':
        return { kind: 'append', suffix: operation.value };
      case 'put-hash': {
        const { value } = operation;
        if (answer?.kind !== 'put-hash') {
          return { kind: 'put-hash', value, shows: undefined, leaves: undefined };
        }
        const shows = this.#states.of(answer.previousValue);
        const leaves = this.#states.of(chainHash(answer.previousValue, value));
        return { kind: 'put-hash', value, shows, leaves };
      }
    }
  }

  /** Whether a key in this state gives the operation the answer it had. */
  allows(state: State, operation: KeyOperation): boolean {
    switch (operation.kind) {
      case 'get':
        return operation.shows === state;
      case 'put':
      case 'append':
        return true;
      case 'put-hash': {
        // PutHash answers "" for a missing key and for an empty value alike.
        const previous = state === missingState ? emptyState : state;
        return operation.shows === undefined || operation.shows === previous;
      }
    }
  }

  /** The state that the operation leaves behind. */
  after(state: State, operation: KeyOperation): State {
    switch (operation.kind) {
      case 'get':
        return state;
      case 'put':
        return operation.leaves;
      case 'append':
        return this.#states.appended(state, operation.suffix);
      case 'put-hash':
        return operation.leaves ?? this.#states.of(chainHash(this.#states.text(state), operation.value));
    }
  }

  #shownByGet(answer: Answer | undefined): State {
    if (answer?.kind !== 'get') return impossibleState;
    if (answer.found) return this.#states.of(answer.value);
    return answer.value === '' ? missingState : impossibleState;
  }
}
