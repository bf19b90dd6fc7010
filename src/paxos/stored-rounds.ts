import type { Journal } from '../storage/journal.js';
import type { Trace } from '../log/trace.js';
import type { PaxosRecord } from './messages.js';

/**
 * Writes rounds down before a Prepare bears them (rules R2, R4). One record stands for every round up to it, so most
 * proposals need none.
 */
export class StoredRounds {
  #appended: number;
  #durable: number;

  /** @param base the highest round stored before this start; no proposer uses one at or below it */
  constructor(
    private readonly journal: Journal<PaxosRecord>,
    readonly base: number,
    private readonly trace: Trace,
  ) {
    this.#appended = base;
    this.#durable = base;
  }

  /** Resolves with true when a round as high as `round` is on disk; with false, writing nothing, if there is no space. */
  async store(round: number): Promise<boolean> {
    if (round <= this.#durable) return true;
    const isNew = round > this.#appended;
    if (isNew && !this.journal.hasSpace) return false;
    this.#appended = Math.max(this.#appended, round);
    await this.journal.append(isNew ? [{ kind: 'round', round }] : []);
    this.#durable = Math.max(this.#durable, round);
    this.trace('round-synced', { round });
    return true;
  }
}
