import { LogError, type LogFailure } from './errors.js';
import { limits } from './limits.js';

/** A command whose caller waits for its result. */
export interface Proposal<Result> {
  readonly command: Uint8Array;
  readonly settle: (outcome: { readonly result: Result } | { readonly failure: LogFailure }) => void;
}

/**
 * Commands that wait to be packed into a batch, bounded in bytes. Refusing happens before queueing, so that what
 * is refused has certainly not been executed.
 */
export class ProposalQueue<Result> {
  readonly #waiting = new Set<Proposal<Result>>();
  #bytes = 0;

  get commands(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws LogError if the command is too large or the queue is full */
  add(proposal: Proposal<Result>): void {
    const bytes = proposal.command.length;
    if (bytes > limits.commandBytes) {
      const detail = `the command has ${bytes} bytes; the limit is ${limits.commandBytes}`;
      throw new LogError({ kind: 'refused', reason: 'command-too-large', detail });
    }
    if (this.#bytes + bytes > limits.queueBytes) {
      const detail = `${this.#bytes} bytes wait to be proposed; the limit is ${limits.queueBytes}. Retry later`;
      throw new LogError({ kind: 'refused', reason: 'queue-full', detail });
    }
    this.#waiting.add(proposal);
    this.#bytes += bytes;
  }

  /** Takes a proposal out that is no longer waited for. Answers whether it was still queued. */
  remove(proposal: Proposal<Result>): boolean {
    if (!this.#waiting.delete(proposal)) return false;
    this.#bytes -= proposal.command.length;
    return true;
  }

  /** Takes as many of the oldest proposals as fit one batch; at least one, if there is any. */
  takeBatch(): Proposal<Result>[] {
    const batch: Proposal<Result>[] = [];
    let bytes = 0;
    for (const proposal of this.#waiting) {
      bytes += proposal.command.length;
      if (batch.length > 0 && bytes > limits.batchBytes) break;
      batch.push(proposal);
    }
    for (const proposal of batch) this.remove(proposal);
    return batch;
  }

  /** Takes everything out. */
  drain(): Proposal<Result>[] {
    const all = [...this.#waiting];
    for (const proposal of all) this.remove(proposal);
    return all;
  }
}
