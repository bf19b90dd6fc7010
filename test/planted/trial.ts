import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Report, Task } from './report.js';

/** What came of one variant. */
export interface Trial {
  readonly caught: boolean;
  /** What saw it, and what it said; empty if nothing did. */
  readonly check: string;
  readonly message: string;
  /** How many seeds were tried, that which failed included. */
  readonly seeds: number;
  readonly seconds: number;
  /** Which of the changed places never ran, each with its file. */
  readonly unreached: readonly string[];
}

/** A seed that takes longer than this will not come to an end. */
const seedLimitMs = 120_000;
const subject = fileURLToPath(new URL('subject.js', import.meta.url));

/**
 * Tries a variant in a process of its own, seed by seed until one fails.
 * @throws Error if the variant cannot be tried, for instance because the code has changed
 */
export function tryOut(task: Task): Promise<Trial> {
  return new Promise((resolve, reject) => {
    const beganMs = Date.now();
    const child = fork(subject, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let seeds = 0;
    let found: { readonly check: string; readonly message: string } | undefined;
    let unreached: readonly string[] = [];
    let broken: string | undefined = 'its process ended without a word';
    const hung = () => {
      found = { check: 'a seed comes to an end', message: `seed ${task.firstSeed + seeds - 1} hangs` };
      child.kill('SIGKILL');
    };
    let overdue = setTimeout(hung, seedLimitMs);
    child.on('message', (report: Report) => {
      switch (report.kind) {
        case 'begun':
          seeds += 1;
          clearTimeout(overdue);
          overdue = setTimeout(hung, seedLimitMs);
          break;
        case 'failed':
          found = report;
          break;
        case 'crashed':
          found ??= { check: 'nothing fails unseen', message: report.message };
          break;
        case 'broken':
          broken = report.message;
          break;
        case 'ended':
          broken = undefined;
          unreached = report.unreached;
      }
    });
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(overdue);
      if (found === undefined && broken !== undefined) reject(new Error(`${task.variant.name}: ${broken}`));
      else {
        const { check, message } = found ?? { check: '', message: '' };
        const seconds = (Date.now() - beganMs) / 1000;
        resolve({ caught: found !== undefined, check, message, seeds, seconds, unreached });
      }
    });
    child.send(task);
  });
}
