import type { KeyValueStateMachine } from '../kv/state-machine.js';
import type { Slot } from '../log/ids.js';
import type { Logger } from '../runtime/logger.js';
import { StorageDamage } from '../storage/errors.js';
import type { DataDirectory } from './data-directory.js';
import type { Engine, EngineKind, RecoveredEngine } from './engine.js';

/** Where a durable replica goes on from. */
export interface StartingPoint<Recovered> {
  /** What its engine had promised, voted and learned, and what of the state must be pulled from a peer. */
  readonly recovered: Recovered;
  /** The last slot that the state covers, loaded from a snapshot; undefined if it begins empty. */
  readonly loadedThrough: Slot | undefined;
}

export interface StartingPointOptions {
  readonly directory: DataDirectory;
  /** Fresh; the newest good snapshot is loaded into it. */
  readonly state: KeyValueStateMachine;
  /** Pull the state anew whatever is on disk. */
  readonly rebuild: boolean;
  readonly memberCount: number;
  readonly logger: Logger;
}

/** As much of an engine as recovers it. */
type Recovery<Recovered extends RecoveredEngine> = Pick<EngineKind<object, Recovered, Engine>, 'recover'>;

/**
 * Takes in what a data directory says. Votes and state are apart: if the state is lost while the log is good, the replica
 * keeps its votes and pulls the state from its peers.
 * @throws StorageDamage if it cannot go on safely, or has nobody to pull from
 */
export async function startingPoint<Recovered extends RecoveredEngine>(
  engine: Recovery<Recovered>,
  options: StartingPointOptions,
): Promise<StartingPoint<Recovered>> {
  const { directory, rebuild, memberCount } = options;
  const { suspect } = directory;
  if (suspect.sinceSlot !== undefined && !rebuild) throw divergedDamage(suspect.sinceSlot);
  if (rebuild && memberCount === 1) throw nobodyToPullFrom();
  if (rebuild) await removeSnapshots(directory);
  const { loadedThrough, unusable } = await loadNewest(options);
  const recovered = engine.recover(directory.recovered, loadedThrough);
  if (recovered.missingThrough !== undefined && memberCount === 1) {
    throw new StorageDamage(
      'snapshot',
      `none covers the slots through ${recovered.missingThrough}, and the log no longer holds all of them`,
    );
  }
  // What is listed counts as covering the log, and would let segments go in its favour (rule R5).
  for (const through of unusable) await directory.snapshots.remove(through);
  return { recovered, loadedThrough };
}

const nobodyToPullFrom = (): StorageDamage =>
  new StorageDamage(
    'state',
    'a replica without peers has nobody to pull it from',
    'Start it without --rebuild',
  );

/** A state that differs from the majority's (rule R13). */
export const divergedDamage = (slot: Slot): StorageDamage =>
  new StorageDamage(
    'state',
    `its digest at slot ${slot} differs from that of a majority`,
    'Start the replica with --rebuild: its votes are good, and its state is pulled anew from the others',
  );

async function removeSnapshots({ snapshots }: DataDirectory): Promise<void> {
  for (const { through } of snapshots.list()) await snapshots.remove(through);
}

interface Loaded {
  readonly loadedThrough: Slot | undefined;
  /** The newer snapshots that could not be loaded. */
  readonly unusable: readonly (Slot | undefined)[];
}

async function loadNewest(options: StartingPointOptions): Promise<Loaded> {
  const { directory, logger } = options;
  const unusable: (Slot | undefined)[] = [];
  for (const { through } of directory.snapshots.list()) {
    try {
      return { loadedThrough: await load(options, through), unusable };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      logger.error('a snapshot on disk cannot be used', { through, why: error.message });
      unusable.push(through);
    }
  }
  return { loadedThrough: undefined, unusable };
}

async function load({ directory, state }: StartingPointOptions, through: Slot | undefined) {
  const builder = state.builder();
  for await (const chunk of directory.snapshots.read(through)) builder.take(chunk);
  const built = builder.finish();
  if (built.through !== through) {
    throw new Error(`the snapshot of slot ${through ?? 'none'} says ${built.through ?? 'none'} inside`);
  }
  builder.install();
  return built.through;
}
