import type { Clock, Timer } from '../runtime/clock.js';
import type { SimulatedEvent } from './event-queue.js';
import type { VirtualTime } from './virtual-time.js';

export interface ProcessOptions {
  readonly time: VirtualTime;
  readonly name: string;
  /** How fast its clock goes: 1.05 is one that gains 5 %. */
  readonly clockRate: number;
  /** Told of every timer that fires. */
  readonly fired: (name: string, order: number) => void;
  /** Told when something has happened in this process, and all that followed from it at once is still to come. */
  readonly ran: (process: SimulatedProcess) => void;
}

interface SetTimer {
  readonly dueAt: number;
  event: SimulatedEvent;
  readonly fire: () => void;
}

/**
 * One process on a machine: all that happens in it happens through `at`, so that it can be halted, resumed and ended as
 * a whole. Once ended, nothing of it runs any more.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly #options: ProcessOptions;
  readonly #timers = new Set<SetTimer>();
  readonly #ended = new Set<() => void>();
  #held: (() => void)[] = [];
  #state: 'running' | 'paused' | 'ended' = 'running';
  /** What its clock shows more than the time since the start of the world, by the last jump and before. */
  #offsetMs = 0;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
    this.clock = {
      now: () => this.#now(),
      timer: (ms, callback) => this.#timer(ms, callback),
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  get state(): 'running' | 'paused' | 'ended' {
    return this.#state;
  }

  /** Lets `run` happen in this process after `ms` of the world's time; never, if the process has ended by then. */
  after(ms: number, run: () => void): SimulatedEvent {
    const { time } = this.#options;
    return time.schedule(time.nowMs + ms, () => this.#happen(run));
  }

  /** Calls `listener` when this process ends; answers how to take that back. */
  onEnd(listener: () => void): () => void {
    this.#ended.add(listener);
    return () => this.#ended.delete(listener);
  }

  /** Nothing happens in it any more until it is resumed; what comes meanwhile waits. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** What has waited happens at once, in the order in which it came. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    for (const run of held) this.after(0, run);
  }

  end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#held = [];
    for (const { event } of this.#timers) event.isCancelled = true;
    this.#timers.clear();
    for (const listener of [...this.#ended]) listener();
    this.#ended.clear();
  }

  /** Sets its clock forward, whose timers become due so much earlier. */
  jump(byMs: number): void {
    this.#offsetMs += byMs;
    for (const timer of this.#timers) {
      timer.event.isCancelled = true;
      timer.event = this.after(this.#untilMs(timer.dueAt), timer.fire);
    }
  }

  #happen(run: () => void): void {
    if (this.#state === 'ended') return;
    if (this.#state === 'paused') {
      this.#held.push(run);
      return;
    }
    run();
    this.#options.ran(this);
  }

  #now(): number {
    const { time, clockRate } = this.#options;
    return time.nowMs * clockRate + this.#offsetMs;
  }

  /** How long until its clock shows this, in the world's time. */
  #untilMs(dueAt: number): number {
    return Math.max(0, (dueAt - this.#now()) / this.#options.clockRate);
  }

  #timer(ms: number, callback: () => void): Timer {
    const dueAt = this.#now() + Math.max(0, ms);
    const fire = () => {
      // One that was cancelled while its process was halted is still among what has waited.
      if (!this.#timers.delete(timer)) return;
      this.#options.fired(this.name, timer.event.order);
      callback();
    };
    const timer: SetTimer = { dueAt, event: this.after(this.#untilMs(dueAt), fire), fire };
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.event.isCancelled = true;
      },
    };
  }

  #sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) {
        resolve();
        return;
      }
      const finish = () => {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const timer = this.#timer(ms, finish);
      signal?.addEventListener('abort', finish, { once: true });
    });
  }
}
