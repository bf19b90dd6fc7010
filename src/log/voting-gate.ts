/**
 * Whether this replica may vote. Closed at first: before its first vote after a start a replica compares with its
 * peers (rules R6, R11). Until then it makes no promise, casts no vote, its own acceptor's included, and sends no
 * Prepare; nor does it answer a read barrier, because a log that was cut short may have forgotten votes. It learns and
 * applies all the same.
 */
export class VotingGate {
  #open = false;
  readonly #opened: Promise<void>;
  #resolve: () => void = () => undefined;

  constructor() {
    this.#opened = new Promise((resolve) => (this.#resolve = resolve));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Resolves when the gate opens; never, if it never does. */
  get opened(): Promise<void> {
    return this.#opened;
  }

  /** It never closes again. */
  open(): void {
    this.#open = true;
    this.#resolve();
  }
}

/** For the bare library, whose caller answers for what the gate guards. */
export function openGate(): VotingGate {
  const gate = new VotingGate();
  gate.open();
  return gate;
}
