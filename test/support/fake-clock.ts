import type { Clock, Timer } from '../../src/runtime/clock.js';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Lets everything run that waits for nothing but its turn. */
export const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time that moves only when told to, from one timer to the next; timers of one moment fire in order of setting. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #due = new Set<Due>();
  /** Told of every timer that fires. */
  onFire: (atMs: number, order: number) => void = () => undefined;

  now(): number {
    return this.#nowMs;
  }

  timer(ms: number, callback: () => void): Timer {
    this.#order += 1;
    const due: Due = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order, callback };
    this.#due.add(due);
    return { cancel: () => this.#due.delete(due) };
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

  /** Timers that have not fired. */
  get waiting(): number {
    return this.#due.size;
  }

  /** Moves on by `ms` milliseconds and fires what is due by then, without a turn in between. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#next(); next !== undefined && next.atMs <= endMs; next = this.#next())
      this.#fire(next);
    this.#nowMs = endMs;
  }

  /** Runs timers until `until` says so, or throws once `limitMs` of this clock have passed. */
  async runUntil(until: () => boolean, limitMs: number): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    await turns();
    while (!until()) {
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) throw new Error(`nothing came of it within ${limitMs} ms`);
      this.#fire(next);
      await turns();
    }
  }

  #fire(due: Due): void {
    this.#due.delete(due);
    this.#nowMs = due.atMs;
    this.onFire(due.atMs, due.order);
    due.callback();
  }

  #next(): Due | undefined {
    let first: Due | undefined;
    for (const due of this.#due) {
      if (
        first === undefined ||
        due.atMs < first.atMs ||
        (due.atMs === first.atMs && due.order < first.order)
      ) {
        first = due;
      }
    }
    return first;
  }
}
