import { ClerkError } from '../clerk/clerk-error.js';
import type { Operation } from '../kv/operation.js';
import type { Clock } from '../runtime/clock.js';
import {
  HistoryError,
  entryProblem,
  type Answer,
  type CallEnd,
  type History,
  type HistoryEntry,
} from './history.js';

/** A call that has begun. Exactly one of its methods is to be called, once; until then its outcome is unknown. */
export interface OpenCall {
  /** @throws HistoryError if it is no answer to this operation */
  answered(answer: Answer): void;
  /** It certainly did not execute, and never will. */
  notExecuted(): void;
  /** It may have executed, or may yet; the client waits no longer. */
  unknown(): void;
}

type Called = Omit<HistoryEntry, 'end'>;

/** Turns calls into the entries of a history. */
export class HistoryRecorder {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #entries: HistoryEntry[] = [];
  readonly #open = new Set<Called>();
  #notExecuted = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /** All calls so far, in the order of their calls; those still under way have an unknown outcome. */
  get history(): History {
    const open = [...this.#open].map((called): HistoryEntry => ({ ...called, end: { kind: 'unknown' } }));
    return [...this.#entries, ...open].sort((one, other) => one.calledAt - other.calledAt);
  }

  /** How many calls left the history, because they certainly did not execute. */
  get notExecuted(): number {
    return this.#notExecuted;
  }

  /** The operation is sent after this returns. */
  begin(client: string, operation: Operation): OpenCall {
    const called: Called = { client, operation, calledAt: this.#clock.now() };
    this.#open.add(called);
    const settle = () => {
      if (!this.#open.delete(called)) throw new HistoryError('the outcome of a call was told twice');
    };
    const ended = (end: CallEnd) => {
      const entry = { ...called, end };
      const problem = entryProblem(entry);
      if (problem !== undefined) throw new HistoryError(problem);
      settle();
      this.#entries.push(entry);
    };
    return {
      answered: (answer) => ended({ kind: 'answered', at: this.#clock.now(), answer }),
      unknown: () => ended({ kind: 'unknown', gaveUpAt: this.#clock.now() }),
      notExecuted: () => {
        settle();
        this.#notExecuted += 1;
      },
    };
  }

  /** Runs one call and records how it ended. Rejects with what `perform` rejects with. */
  async record(client: string, operation: Operation, perform: () => Promise<Answer>): Promise<Answer> {
    const call = this.begin(client, operation);
    let answer: Answer;
    try {
      answer = await perform();
    } catch (error) {
      // Of a failure that is none of the clerk's, nothing is known.
      if (error instanceof ClerkError && error.outcome === 'not-executed') call.notExecuted();
      else call.unknown();
      throw error;
    }
    call.answered(answer);
    return answer;
  }
}
