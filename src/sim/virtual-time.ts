import { EventQueue, type SimulatedEvent } from './event-queue.js';

/**
 * Lets everything run that waits for nothing but its turn: ticks come when no promise has anything left to do. Without a round
 * of the event loop, which would cost more than most events.
 */
const turn = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

/** Milliseconds that pass only from one event to the next, as fast as the events can run. */
export class VirtualTime {
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #order = 0;
  #steps = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many events have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** Lets `run` happen at this moment, or now if it has passed. */
  schedule(atMs: number, run: () => void): SimulatedEvent {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#nextOrder(), run, isCancelled: false };
    this.#queue.add(event);
    return event;
  }

  /** Lets the next event happen, and everything that follows from it at once; false if there is none. */
  async step(): Promise<boolean> {
    const event = this.#queue.take();
    if (event === undefined) return false;
    this.#nowMs = event.atMs;
    this.#steps += 1;
    event.run();
    await turn();
    return true;
  }

  #nextOrder(): number {
    this.#order += 1;
    return this.#order;
  }
}
