/**
 * The sequences of one session as its client hands them out: many may be open at once, and everything below
 * the lowest open one is acknowledged.
 */
export class SequenceWindow {
  readonly #open = new Set<number>();
  #last = 0;

  constructor(private readonly size: number) {}

  /** Every sequence up to this one is settled. */
  get acknowledgedThrough(): number {
    // A Set keeps the order of insertion, and sequences are inserted in rising order.
    const [lowest] = this.#open;
    return lowest === undefined ? this.#last : lowest - 1;
  }

  /** The next sequence, or undefined while the window is full. */
  take(): number | undefined {
    if (this.#last + 1 > this.acknowledgedThrough + this.size) return undefined;
    this.#last += 1;
    this.#open.add(this.#last);
    return this.#last;
  }

  /** The client has its answer, or has given up on it for good. */
  settle(sequence: number): void {
    this.#open.delete(sequence);
  }
}
