import type { Slot } from './ids.js';

interface Wait {
  readonly slot: Slot;
  readonly resolve: () => void;
}

/** Those who wait for a slot to be applied. */
export class AppliedWaits {
  #waits: Wait[] = [];
  #applied: Slot | undefined;
  #closed = false;

  /** Resolves when every slot up to `slot` is applied, or on `close`. */
  reached(slot: Slot): Promise<void> {
    if (this.#closed || slot <= (this.#applied ?? -1)) return Promise.resolve();
    return new Promise((resolve) => this.#waits.push({ slot, resolve }));
  }

  /** Every slot up to `applied` is applied now. */
  advance(applied: Slot): void {
    this.#applied = applied;
    this.#release(({ slot }) => slot <= applied);
  }

  /** Ends every wait. */
  close(): void {
    this.#closed = true;
    this.#release(() => true);
  }

  #release(isOver: (wait: Wait) => boolean): void {
    const over = this.#waits.filter(isOver);
    if (over.length === 0) return;
    this.#waits = this.#waits.filter((wait) => !isOver(wait));
    for (const { resolve } of over) resolve();
  }
}
