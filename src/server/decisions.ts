import type { Slot } from '../log/ids.js';

/** A value that is decided for ever, and where in the log. */
export interface Decision {
  readonly slot: Slot;
  readonly value: Uint8Array;
}

export interface DecisionsOptions {
  /** The first slot that is told; default 0, the first of the log. */
  readonly from?: Slot;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** What decisions are read from. */
export interface DecidedLog {
  /** The lowest slot held. */
  readonly floor: Slot;
  readonly decided: (slot: Slot) => Uint8Array | undefined;
}

/**
 * Tells what is decided, in order and each slot once, to any number of readers; of slots that were given up before a
 * restart and are still on disk, to the first reader alone.
 */
export class Decisions {
  readonly #log: DecidedLog;
  readonly #waiting = new Set<() => void>();
  #isClosed = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(log: DecidedLog) {
    this.#log = log;
  }

  /** More may be decided: those who wait look again. */
  wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Ends every iteration, also those to come; with an error, they throw it. */
  close(failure?: { readonly error: unknown }): void {
    this.#failure ??= failure;
    this.#isClosed = true;
    this.wake();
  }

  /** @throws RangeError if the next slot has been given up here; or why the peer has closed itself */
  async *read({ from = 0, signal }: DecisionsOptions = {}): AsyncGenerator<Decision, void, void> {
    for (let slot = from; ; slot += 1) {
      let value: Uint8Array | undefined;
      while ((value = this.#isOver(signal) ? undefined : this.#at(slot)) === undefined) {
        if (this.#failure !== undefined) throw this.#failure.error;
        if (this.#isOver(signal)) return;
        await this.#woken(signal);
      }
      yield { slot, value };
    }
  }

  #isOver(signal: AbortSignal | undefined): boolean {
    return this.#isClosed || signal?.aborted === true;
  }

  #at(slot: Slot): Uint8Array | undefined {
    const value = this.#log.decided(slot);
    const { floor } = this.#log;
    if (value === undefined && slot < floor) {
      throw new RangeError(
        `slot ${slot} is no longer held; the lowest is ${floor}: read from there, with the state through ${floor - 1}`,
      );
    }
    return value;
  }

  #woken(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        this.#waiting.delete(look);
        signal?.removeEventListener('abort', look);
        resolve();
      };
      this.#waiting.add(look);
      signal?.addEventListener('abort', look, { once: true });
    });
  }
}
