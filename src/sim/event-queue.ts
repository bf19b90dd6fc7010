/** Something that will happen at one moment of simulated time. */
export interface SimulatedEvent {
  atMs: number;
  /** Events of one moment happen in the order in which they were scheduled. */
  order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

/** What happens next comes out first: a binary heap over moment and order. */
export class EventQueue {
  readonly #heap: SimulatedEvent[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(event: SimulatedEvent): void {
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
  }

  /** The next event that is not cancelled; undefined if there is none. */
  peek(): SimulatedEvent | undefined {
    while (this.#heap[0]?.isCancelled === true) this.#takeFirst();
    return this.#heap[0];
  }

  /** Takes the next event that is not cancelled. */
  take(): SimulatedEvent | undefined {
    return this.peek() && this.#takeFirst();
  }

  #takeFirst(): SimulatedEvent | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(index: number): void {
    let at = index;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(index: number): void {
    let at = index;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let first = at;
      if (this.#isBefore(left, first)) first = left;
      if (this.#isBefore(right, first)) first = right;
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #isBefore(one: number, other: number): boolean {
    const [left, right] = [this.#heap[one], this.#heap[other]];
    if (left === undefined || right === undefined) return false;
    return left.atMs < right.atMs || (left.atMs === right.atMs && left.order < right.order);
  }

  #swap(one: number, other: number): void {
    const [left, right] = [this.#heap[one], this.#heap[other]];
    if (left === undefined || right === undefined) return;
    this.#heap[one] = right;
    this.#heap[other] = left;
  }
}
