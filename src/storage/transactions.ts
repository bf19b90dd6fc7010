import type { LogRecord } from './log-record.js';

/**
 * Puts appends that were split over several frames together again: they count whole or not at all. One whose end was
 * never written is void, which shows by the next frame not continuing it.
 */
export class Transactions {
  #open: LogRecord[] | undefined;

  /** The records that count from this frame on, in order; without the marks. */
  complete(records: readonly LogRecord[], continues: boolean): readonly LogRecord[] {
    if (!continues) this.#open = undefined;
    // It began in a segment that is gone, or in a frame that is damaged.
    else this.#open ??= [];
    if (this.#open === undefined && !records.some(({ kind }) => kind === 'begin')) return records;
    const complete: LogRecord[] = [];
    for (const record of records) {
      if (record.kind === 'begin') {
        this.#open = [];
      } else if (record.kind === 'end') {
        for (const earlier of this.#open ?? []) complete.push(earlier);
        this.#open = undefined;
      } else {
        (this.#open ?? complete).push(record);
      }
    }
    return complete;
  }
}
