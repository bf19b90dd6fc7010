import { checkChunk } from '../log/snapshot-chunks.js';
import type { PortableState } from '../log/state-machine.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { BackupLink, Standing } from './messages.js';

/** How long a transfer may stand still before it is taken for broken. */
const stallLimitMs = 5000;
/** Waits between attempts: the first, and the longest. */
const firstBackoffMs = 10;
const backoffLimitMs = 500;

export interface StatePullOptions<State extends PortableState> {
  readonly link: () => BackupLink;
  /** The backup's own; the pull is of no use once it is another. */
  readonly standing: Standing;
  /** Makes an empty state. */
  readonly newState: () => State;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A state that has come whole, and the number of its transfer. */
export interface PulledState<State> {
  readonly state: State;
  readonly transfer: number;
}

/**
 * Brings the primary's whole state to its backup, in pieces, into a state of its own, so that what came of a transfer that
 * broke is thrown away. Tries until it has succeeded; undefined if `signal` aborts first.
 */
export async function pullState<State extends PortableState>(
  options: StatePullOptions<State>,
  signal: AbortSignal,
): Promise<PulledState<State> | undefined> {
  const { clock, logger, standing } = options;
  const isOver = () => signal.aborted;
  for (let backoffMs = firstBackoffMs; !isOver(); backoffMs = Math.min(2 * backoffMs, backoffLimitMs)) {
    try {
      return await pullOnce(options, signal);
    } catch (error) {
      if (isOver()) break;
      logger.debug('a transfer of the state broke', { viewNumber: standing.viewNumber, why: String(error) });
    }
    await clock.sleep(backoffMs, signal);
  }
  return undefined;
}

async function pullOnce<State extends PortableState>(
  { link, standing, newState, clock }: StatePullOptions<State>,
  signal: AbortSignal,
): Promise<PulledState<State>> {
  const stalled = new AbortController();
  const stop = () => stalled.abort();
  signal.addEventListener('abort', stop, { once: true });
  let timer = clock.timer(stallLimitMs, stop);
  const state = newState();
  const builder = state.builder();
  let next = 0;
  try {
    for await (const { chunk, transfer } of link().pullState(standing, { signal: stalled.signal })) {
      timer.cancel();
      timer = clock.timer(stallLimitMs, stop);
      checkChunk(chunk, next);
      next += 1;
      builder.take(chunk.content);
      if (!chunk.last) continue;
      builder.finish();
      builder.install();
      return { state, transfer };
    }
    throw new Error(`the transfer ended after ${next} pieces`);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', stop);
  }
}
