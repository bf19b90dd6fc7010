/**
 * The process in which one variant is tried. Nothing of build/src is imported before its code is changed, so everything
 * that is imported here stands in this folder.
 */
import { register } from 'node:module';
import { Coverage } from './coverage.js';
import type { Report, Task } from './report.js';
import { changesOf } from './variant.js';

const root = new URL('../../src/', import.meta.url).href;

const report = (message: Report): void => void process.send?.(message);

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** A failure outside everything that the simulation judges. */
process.on('uncaughtException', (error) => {
  report({ kind: 'crashed', message: textOf(error) });
  process.disconnect();
});

async function attempt({ variant, firstSeed, seedLimit }: Task): Promise<void> {
  const coverage = new Coverage(root);
  await coverage.start();
  const edits = changesOf(variant);
  register('./substitution-hook.js', import.meta.url, { data: { root, edits } });
  const { simulate } = await import('../../src/sim/simulation.js');
  const { engine, replicas } = variant;
  let unreached = edits;
  for (let seed = firstSeed; seed < firstSeed + seedLimit; seed += 1) {
    report({ kind: 'begun', seed });
    const { verdict } = await simulate({ engine, replicas, seed });
    if (unreached.length > 0) {
      const now = await coverage.unreached(edits);
      unreached = unreached.filter((edit) => now.includes(edit));
    }
    if (verdict.kind !== 'failed') continue;
    report({ kind: 'failed', seed, check: verdict.check, message: verdict.message });
    break;
  }
  report({ kind: 'ended', unreached: unreached.map(({ file, find }) => `${file}: ${find}`) });
}

process.once('message', (task: Task) => {
  attempt(task)
    .catch((error: unknown) => report({ kind: 'broken', message: textOf(error) }))
    .finally(() => process.disconnect());
});
