import type { Clock, Timer } from '../runtime/clock.js';

export interface LeaderPatienceOptions {
  readonly clock: Clock;
  /** How long calls may wait for a leader, counted from when there was none. */
  readonly limitMs: number;
  readonly isLeaderless: () => boolean;
  /** Told when no leader has come in time. */
  readonly ended: () => void;
}

/**
 * Lets calls wait for a while when no leader is known: an election takes less time than a client that was turned away
 * needs to come back. When none has come in time they are refused, so that clients look elsewhere.
 */
export class LeaderPatience {
  readonly #options: LeaderPatienceOptions;
  #timer: Timer | undefined;
  #isOver = false;
  #closed = false;

  constructor(options: LeaderPatienceOptions) {
    this.#options = options;
  }

  /** Whether calls are refused, because there has been no leader for too long. */
  get isOver(): boolean {
    this.look();
    return this.#isOver;
  }

  /** To be called when the leader may have changed. */
  look(): void {
    const { clock, limitMs, isLeaderless, ended } = this.#options;
    if (this.#closed) return;
    if (!isLeaderless()) {
      this.#cancel();
      this.#isOver = false;
    } else if (this.#timer === undefined && !this.#isOver) {
      this.#timer = clock.timer(limitMs, () => {
        this.#timer = undefined;
        this.#isOver = true;
        ended();
      });
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
