import type { Clock, Timer } from '../../src/runtime/clock.js';

interface Pending {
  readonly dueMs: number;
  readonly fire: () => void;
}

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #pending = new Set<Pending>();

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const finish = () => {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.timer(ms, finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }

  timer(ms: number, callback: () => void): Timer {
    const pending: Pending = { dueMs: this.#nowMs + ms, fire: callback };
    this.#pending.add(pending);
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** Timers that have not fired. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Moves on by `ms` milliseconds and fires what is due by then, in order. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = [...this.#pending].filter(({ dueMs }) => dueMs <= this.#nowMs);
    for (const pending of due.sort((left, right) => left.dueMs - right.dueMs)) {
      if (this.#pending.delete(pending)) pending.fire();
    }
  }
}

/** Lets everything run that waits for nothing but its turn. */
export const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
