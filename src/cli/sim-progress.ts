import { formatDuration } from './duration.js';
import type { Terminal } from './terminal.js';

/** How often it is told how far a run has come: rewritten in place at a terminal, else one line below the other. */
const watchedEveryMs = 500;
const unwatchedEveryMs = 10_000;
const barLength = 24;

/** How far a run of many seeds has come. */
export interface SeedsDone {
  readonly engine: string;
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  readonly simulatedMs: number;
  readonly elapsedMs: number;
}

/** Tells how far a run has come, now and then, until the answer is called. With --json nothing is told. */
export function showSeeds(
  progress: () => SeedsDone,
  json: boolean,
  terminal: Pick<Terminal, 'watched' | 'progress' | 'note'>,
): () => void {
  if (json) return () => undefined;
  const show = () => {
    const line = seedsLine(progress(), terminal.watched);
    if (terminal.watched) terminal.progress(line);
    else terminal.note(line);
  };
  const timer = setInterval(show, terminal.watched ? watchedEveryMs : unwatchedEveryMs);
  return () => {
    clearInterval(timer);
    if (terminal.watched) terminal.progress('');
  };
}

/** `paxos [#####-----] 412 of 1000 seeds, 0 failed, 5.1 a second, 2.3h simulated, 1m55s left`; the bar at a terminal only. */
export function seedsLine(
  { engine, done, total, failed, simulatedMs, elapsedMs }: SeedsDone,
  hasBar: boolean,
): string {
  const filled = Math.floor((barLength * done) / total);
  const bar = hasBar ? ` [${'#'.repeat(filled)}${'-'.repeat(barLength - filled)}]` : '';
  const perSecond = elapsedMs === 0 ? 0 : (done * 1000) / elapsedMs;
  const left = perSecond === 0 ? '' : `, ${longDuration(((total - done) * 1000) / perSecond)} left`;
  return (
    `${engine}${bar} ${done} of ${total} seeds, ${failed} failed, ${perSecond.toFixed(1)} a second, ` +
    `${longDuration(simulatedMs)} simulated${left}`
  );
}

/** As `formatDuration`, in hours where those are many minutes: 2.3h, 1m55s. */
export function longDuration(durationMs: number): string {
  if (durationMs >= 3_600_000) return `${(durationMs / 3_600_000).toFixed(1)}h`;
  if (durationMs < 60_000) return formatDuration(durationMs);
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
}
