import { untilAborted } from '../rpc/until-aborted.js';
import type { Clock } from '../runtime/clock.js';

/** What ends the waits of a call. */
export interface WaitLimits {
  readonly clock: Clock;
  /** On that clock; Infinity for none. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * What `promise` comes to, or a rejection with `failure` of what ended the wait, once the deadline passes or the signal
 * aborts. The promise itself goes on.
 */
export async function within<Value>(
  promise: Promise<Value>,
  { clock, deadlineMs, signal }: WaitLimits,
  failure: (why: 'aborted' | 'timed-out') => Error,
): Promise<Value> {
  const over = new AbortController();
  const stop = () => over.abort();
  const timer =
    deadlineMs === Infinity ? undefined : clock.timer(Math.max(0, deadlineMs - clock.now()), stop);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await untilAborted(promise, over.signal, () => failure(signal?.aborted ? 'aborted' : 'timed-out'));
  } finally {
    timer?.cancel();
    signal?.removeEventListener('abort', stop);
  }
}

/** A call, because the compiler takes the property for unchanged across an await. */
export const isAborted = (signal: AbortSignal): boolean => signal.aborted;
