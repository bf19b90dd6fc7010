import { LogError, type LogFailure } from './errors.js';

/** A read that waits for its barrier. */
export interface Reader {
  /** Lets it go on, or fail. */
  readonly settle: (failure?: LogFailure) => void;
}

/** Those who wait for a read barrier, from their call until they are let go. */
export class Readers {
  /** Readers whose round has not begun. */
  #waiting = new Set<Reader>();
  readonly #unsettled = new Set<Reader>();

  areWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Adds a reader, and resolves when it is let go. @throws LogError: `abandoned` if `signal` aborts, or what it is settled with */
  add(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) throw new LogError({ kind: 'abandoned' });
      const abandon = () => reader.settle({ kind: 'abandoned' });
      const reader: Reader = {
        settle: (failure) => {
          this.#unsettled.delete(reader);
          this.#waiting.delete(reader);
          signal.removeEventListener('abort', abandon);
          if (failure === undefined) resolve();
          else reject(new LogError(failure));
        },
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.#unsettled.add(reader);
      this.#waiting.add(reader);
    });
  }

  /** Takes all who wait into a round that begins now. */
  take(): ReadonlySet<Reader> {
    const readers = this.#waiting;
    this.#waiting = new Set();
    return readers;
  }

  /** Those of a round wait for the next one, unless they have been settled. */
  putBack(readers: Iterable<Reader>): void {
    for (const reader of readers) if (this.#unsettled.has(reader)) this.#waiting.add(reader);
  }

  /** All of every round wait for the next one. */
  putAllBack(): void {
    this.putBack(this.#unsettled);
  }

  /** Those of a round who have not been settled. */
  unsettled(readers: Iterable<Reader>): Reader[] {
    return [...readers].filter((reader) => this.#unsettled.has(reader));
  }

  /** Ends the wait of everybody. */
  settleAll(failure: LogFailure): void {
    for (const reader of [...this.#unsettled]) reader.settle(failure);
  }
}
