import type { Engine } from '../../src/server/engine.js';
import type { FakeWorld } from './fake-world.js';

/** Of the world's clock. */
const limitMs = 900_000;

/** Runs the world until the work has come to its end or a replica has stopped itself. */
export async function driven<Opened extends Engine>(
  world: FakeWorld<Opened>,
  work: Promise<void>,
): Promise<void> {
  const progress = { isOver: false };
  const watched = work.finally(() => (progress.isOver = true));
  const clock = world.clock.runUntil(() => progress.isOver || world.failures.length > 0, limitMs);
  await Promise.race([clock, watched]);
  for (const { replica, error } of world.failures) {
    watched.catch(() => undefined);
    throw new Error(`replica ${replica} stopped itself`, { cause: error });
  }
  await watched;
}
