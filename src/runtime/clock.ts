/** A timer that has not fired can be cancelled; cancelling it later does nothing. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as a protocol sees it: monotonic milliseconds. There is no wall clock here, because nothing in
 * agreement, sessions or reads may depend on one.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Resolves after `ms` milliseconds, or as soon as `signal` aborts; it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms` milliseconds. */
  timer(ms: number, callback: () => void): Timer;
}
