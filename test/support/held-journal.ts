import type { Journal } from '../../src/storage/journal.js';

interface Append<Entry> {
  readonly records: readonly Entry[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** A journal whose syncs end when the test says so. */
export class HeldJournal<Entry> implements Journal<Entry> {
  readonly appended: Append<Entry>[] = [];

  append(records: readonly Entry[]): Promise<void> {
    return new Promise((resolve, reject) => this.appended.push({ records, resolve, reject }));
  }

  get records(): Entry[] {
    return this.appended.flatMap(({ records }) => records);
  }

  /** Ends every sync that runs. */
  sync(): void {
    for (const { resolve } of this.appended) resolve();
  }

  fail(error: Error): void {
    for (const { reject } of this.appended) reject(error);
  }
}
