import type { Slot } from '../log/ids.js';

/** Every so many slots replicas compare their digests (rule R13). */
export const defaultCheckpointIntervalSlots = 1024;
/** Large batches bring checkpoints earlier: looked at every so many slots, */
const windowSlots = 64;
/** and due when these have brought so many bytes of commands. */
const windowBytes = 4 * 1024 * 1024;

/**
 * After which slots a checkpoint is due: at multiples of the interval, and, beyond rule R13, where the log grows so fast
 * that a log cut only at those could not be bounded in bytes. Decided by the log alone, so that replicas agree; one that
 * begins within a window may miss the extra checkpoint at its end, and no more.
 */
export class CheckpointSchedule {
  readonly #intervalSlots: number;
  #bytes = 0;

  constructor(intervalSlots = defaultCheckpointIntervalSlots) {
    this.#intervalSlots = intervalSlots;
  }

  /** Takes the next slot in. Answers whether a checkpoint follows it. */
  isDueAfter(slot: Slot, commands: readonly Uint8Array[]): boolean {
    this.#bytes += commands.reduce((sum, { length }) => sum + length, 0);
    const isFull = this.#bytes >= windowBytes;
    if (slot % windowSlots === 0) this.#bytes = 0;
    return slot > 0 && (slot % this.#intervalSlots === 0 || (slot % windowSlots === 0 && isFull));
  }

  /** The log goes on elsewhere: after the slot that an installed snapshot covers. */
  restart(): void {
    this.#bytes = 0;
  }
}
