import type { CallTally } from '../check/call-tally.js';
import { formatDuration } from './duration.js';
import type { Terminal } from './terminal.js';

/** How often a line tells how far a check has come: rewritten in place at a terminal, else one below the other. */
const watchedEveryMs = 500;
const unwatchedEveryMs = 5000;

export interface Progress {
  /** From now on it is told how far the calls have come. */
  start(): void;
  /** Says what happens after them. */
  say(text: string): void;
  end(): void;
}

/** Tells how far a check has come. With --json nothing is told. */
export function showProgress(
  tally: CallTally,
  durationMs: number,
  json: boolean,
  terminal: Pick<Terminal, 'watched' | 'progress' | 'note'>,
): Progress {
  const nothing = () => undefined;
  if (json) return { start: nothing, say: nothing, end: nothing };
  const show = (text: string) => (terminal.watched ? terminal.progress(text) : terminal.note(text));
  let timer: NodeJS.Timeout | undefined;
  let [lastMs, lastAnswered] = [0, 0];
  const showCalls = () => {
    const nowMs = tally.durationMs;
    const perSecond = ((tally.answered - lastAnswered) * 1000) / (nowMs - lastMs);
    [lastMs, lastAnswered] = [nowMs, tally.answered];
    show(progressLine(tally, { durationMs, perSecond }));
  };
  return {
    start: () => {
      timer = setInterval(showCalls, terminal.watched ? watchedEveryMs : unwatchedEveryMs);
    },
    say: (text) => {
      clearInterval(timer);
      show(text);
    },
    end: () => {
      clearInterval(timer);
      if (terminal.watched) terminal.progress('');
    },
  };
}

/** `12s of 30s: 5812 answered (484/s), 3 unknown, 0 not executed, longest pause 312ms`. */
export function progressLine(
  tally: Pick<CallTally, 'durationMs' | 'answered' | 'unknown' | 'notExecuted' | 'longestPauseMs'>,
  { durationMs, perSecond }: { readonly durationMs: number; readonly perSecond: number },
): string {
  const { answered, unknown, notExecuted, longestPauseMs } = tally;
  const elapsed = `${Math.floor(tally.durationMs / 1000)}s of ${formatDuration(durationMs)}`;
  return (
    `${elapsed}: ${answered} answered (${Math.round(perSecond)}/s), ${unknown} unknown, ` +
    `${notExecuted} not executed, longest pause ${formatDuration(longestPauseMs)}`
  );
}
