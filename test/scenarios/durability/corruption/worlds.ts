import { replicaId, type ReplicaId } from '../../../../src/log/ids.js';
import { FakeWorld } from '../../../support/fake-world.js';
import { simulatedDiskOf, type Image } from './image-disk.js';

/** The replica whose directory is damaged, and the two that live. */
export const victim = replicaId(1);
export const live = [2, 3].map(replicaId);
export const everybody = [victim, ...live];

/** Of a world's clock. */
const limitMs = 120_000;

export const newWorld = (seed: number): Promise<FakeWorld> =>
  FakeWorld.create({
    seed,
    replicaCount: everybody.length,
    loss: 0,
    delayLimitMs: 20,
    disks: true,
    checkpointIntervalSlots: 16,
  });

/** Runs the world until the work is over. @throws Error if it takes too long on the world's clock */
export async function driven<Result>(world: FakeWorld, work: Promise<Result>): Promise<Result> {
  let isOver = false;
  const watched = work.finally(() => (isOver = true));
  await Promise.race([watched, world.clock.runUntil(() => isOver, limitMs)]);
  return await watched;
}

/** Waits on the world's clock until the condition holds. */
export async function until(world: FakeWorld, condition: () => boolean): Promise<void> {
  while (!condition()) await world.clock.sleep(10);
}

/** Gives a crashed replica a disk with this content, which takes no time to sync. */
export async function giveDisk(world: FakeWorld, id: ReplicaId, image: Image) {
  const disk = await simulatedDiskOf(image);
  world.replaceDisk(id, disk);
  disk.before = undefined;
  return disk;
}

/** Writes at one replica, without a session of the caller's own. */
export async function put(world: FakeWorld, id: ReplicaId, key: string, value: string): Promise<void> {
  const operation = { kind: 'put', key, value } as const;
  await world.replicas
    .get(id)!
    .execute({ kind: 'operation', operation, session: undefined }, new AbortController().signal);
}

export const appliedAt = (world: FakeWorld, id: ReplicaId): number =>
  world.replicas.get(id)!.status().log.applied ?? -1;

/** Whether all of these serve and have applied the same slots. */
export const areLevel = (world: FakeWorld, ids: readonly ReplicaId[]): boolean =>
  ids.every((id) => {
    const { log, serving } = world.replicas.get(id)!.status();
    return serving && (log.applied ?? -1) === appliedAt(world, ids[0]!);
  });
