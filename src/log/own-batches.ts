import type { Batch } from './batch.js';
import type { Roster } from './roster.js';

/** More batches than a process makes between two starts. */
const numbersPerStart = 2 ** 32;

/** Makes the batches of this process, each with an identity that no other batch ever has (rule R9). */
export class OwnBatches {
  readonly #roster: Pick<Roster, 'me' | 'incarnation'>;
  #lastNumber: number;

  constructor(roster: Pick<Roster, 'me' | 'incarnation' | 'bootCounter'>) {
    this.#roster = roster;
    // The incarnation of a durable replica is that of its directory, which outlives the process: a batch of an earlier
    // start may yet be decided, and must not be taken for one of this start.
    this.#lastNumber = numbersPerStart * roster.bootCounter;
  }

  /** The next batch; without commands it is a no-op. */
  make(commands: readonly Uint8Array[]): Batch {
    this.#lastNumber += 1;
    const { me, incarnation } = this.#roster;
    return { origin: me, incarnation, number: this.#lastNumber, commands };
  }
}
