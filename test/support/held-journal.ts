import type { Journal } from '../../src/storage/journal.js';

interface Append<Entry> {
  readonly records: readonly Entry[];
  readonly lazy: boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A journal whose syncs end when the test says so. */
export class HeldJournal<Entry> implements Journal<Entry> {
  hasSpace = true;
  readonly appended: Append<Entry>[] = [];
  #synced = 0;

  append(records: readonly Entry[]): Promise<void> {
    return this.#hold(records, false);
  }

  appendLazily(records: readonly Entry[]): Promise<void> {
    return this.#hold(records, true);
  }

  get records(): Entry[] {
    return this.appended.flatMap(({ records }) => records);
  }

  /** The records that are on disk: those up to the last sync. */
  get synced(): Entry[] {
    return this.appended.slice(0, this.#synced).flatMap(({ records }) => records);
  }

  /** Ends every sync that runs. */
  sync(): void {
    this.#synced = this.appended.length;
    for (const { resolve } of this.appended) resolve();
  }

  fail(error: Error): void {
    for (const { reject } of this.appended) reject(error);
  }

  #hold(records: readonly Entry[], lazy: boolean): Promise<void> {
    return new Promise((resolve, reject) => this.appended.push({ records, lazy, resolve, reject }));
  }
}
