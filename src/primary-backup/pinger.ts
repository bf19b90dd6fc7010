import type { Clock, Timer } from '../runtime/clock.js';
import type { ServerPing, ViewLink, ViewNews } from './messages.js';

export interface PingerOptions {
  readonly link: ViewLink;
  readonly intervalMs: number;
  readonly clock: Clock;
  /** What is said, as it is then. */
  readonly ping: () => ServerPing;
  readonly heard: (news: ViewNews) => void;
  readonly failed: (error: unknown) => void;
}

/** How many intervals an unanswered ping is waited for. */
const patienceIntervals = 5;

/**
 * Pings the view service at a fixed interval, and at once when there is news to tell. It waits for no answer before the
 * next ping: one that is lost must not look like a server that is gone.
 */
export class Pinger {
  readonly #options: PingerOptions;
  readonly #closing = new AbortController();
  #timer: Timer | undefined;
  #askedAtMs = -Infinity;

  constructor(options: PingerOptions) {
    this.#options = options;
  }

  /** Pings now; the next one follows an interval later. */
  soon(): void {
    const { intervalMs, clock, heard, failed } = this.#options;
    if (this.#isClosed()) return;
    this.#askedAtMs = clock.now();
    this.#timer?.cancel();
    this.#timer = clock.timer(intervalMs, () => this.soon());
    this.#ask()
      .then((news) => {
        if (!this.#isClosed()) heard(news);
      })
      .catch((error: unknown) => {
        if (!this.#isClosed()) failed(error);
      });
  }

  /** Somebody knows more than this server: pings, unless it has just done so. */
  ifNotJustNow(): void {
    const { clock, intervalMs } = this.#options;
    if (clock.now() - this.#askedAtMs >= intervalMs / 2) this.soon();
  }

  close(): void {
    this.#closing.abort();
    this.#timer?.cancel();
  }

  async #ask(): Promise<ViewNews> {
    const { link, intervalMs, ping } = this.#options;
    const { signal } = this.#closing;
    return link.ping(ping(), { timeoutMs: patienceIntervals * intervalMs, signal });
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }
}
