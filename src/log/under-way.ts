import type { Batch } from './batch.js';
import type { LogFailure } from './errors.js';
import type { Slot } from './ids.js';
import type { Proposal } from './proposal-queue.js';

interface Entry<Result> {
  readonly proposals: readonly Proposal<Result>[];
  /** Where the batch is proposed; undefined until it is for the first time. */
  slot: Slot | undefined;
}

/** The batches of this process that were taken from the queue and are not settled, by number. */
export class UnderWay<Result> {
  readonly #entries = new Map<number, Entry<Result>>();

  add(number: number, proposals: readonly Proposal<Result>[]): void {
    this.#entries.set(number, { proposals, slot: undefined });
  }

  has(number: number): boolean {
    return this.#entries.has(number);
  }

  /** The batch is proposed at `slot` now; wherever it was before, something else was decided. */
  proposedAt(number: number, slot: Slot): void {
    const entry = this.#entries.get(number);
    if (entry !== undefined) entry.slot = slot;
  }

  /** Hands out the results of the first apply of a batch; later applies find nobody waiting. */
  settle({ number }: Batch, results: readonly Result[]): void {
    const { proposals } = this.#entries.get(number) ?? { proposals: [] };
    this.#entries.delete(number);
    proposals.forEach((proposal, index) => {
      const result = results[index];
      if (result === undefined)
        throw new Error(`batch ${number} came back without a result for each command`);
      proposal.settle({ result });
    });
  }

  /**
   * A snapshot stands for every slot up to `through`. What was proposed there is answered from what the state has
   * recorded, or ends with its outcome unknown (rule R12).
   */
  installed(through: Slot, recorded: (command: Uint8Array) => Result | undefined): void {
    for (const [number, { proposals, slot }] of [...this.#entries]) {
      if (slot === undefined || slot > through) continue;
      this.#entries.delete(number);
      for (const proposal of proposals) {
        const result = recorded(proposal.command);
        if (result === undefined)
          proposal.settle({ failure: { kind: 'outcome-unknown', stage: 'proposed' } });
        else proposal.settle({ result });
      }
    }
  }

  /** Ends one batch. */
  fail(number: number, failure: LogFailure): void {
    const { proposals } = this.#entries.get(number) ?? { proposals: [] };
    this.#entries.delete(number);
    for (const proposal of proposals) proposal.settle({ failure });
  }

  /** Ends every batch. */
  failAll(failure: LogFailure): void {
    for (const number of [...this.#entries.keys()]) this.fail(number, failure);
  }
}
