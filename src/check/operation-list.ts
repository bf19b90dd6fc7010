import { numberAt } from './indexing.js';

/** No operation. */
export const none = -1;

/** Some of the operations, in an order that is fixed at the start. Each can be taken out, and put back in the reverse order. */
export class OperationList {
  /** By operation plus 1; the first is the head, which stands before all. */
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  /** @param count of all operations, whose numbers begin at 0 */
  constructor(count: number, members: readonly number[]) {
    this.#next = new Int32Array(count + 1).fill(none);
    this.#previous = new Int32Array(count + 1).fill(none);
    let previous = none;
    for (const member of members) {
      this.#next[previous + 1] = member;
      this.#previous[member + 1] = previous;
      previous = member;
    }
  }

  /** The one after `operation`, the first after `none`; `none` after the last. */
  after(operation: number): number {
    return numberAt(this.#next, operation + 1);
  }

  take(operation: number): void {
    this.#join(numberAt(this.#previous, operation + 1), numberAt(this.#next, operation + 1));
  }

  /** Undoes the last `take` that is not undone yet, which was of this operation. */
  putBack(operation: number): void {
    const [previous, next] = [numberAt(this.#previous, operation + 1), numberAt(this.#next, operation + 1)];
    this.#next[previous + 1] = operation;
    if (next !== none) this.#previous[next + 1] = operation;
  }

  #join(previous: number, next: number): void {
    this.#next[previous + 1] = next;
    if (next !== none) this.#previous[next + 1] = previous;
  }
}
