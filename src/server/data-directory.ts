import { incarnation, type Incarnation } from '../log/ids.js';
import type { StateSnapshot } from '../log/state-machine.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Disk } from '../storage/disk.js';
import { StorageDamage, type StorageFailure } from '../storage/errors.js';
import { initialHardState } from '../storage/hard-state.js';
import { logRecord } from '../storage/log-record.js';
import { readSealed, temporarySuffix, writeSealed } from '../storage/sealed-file.js';
import { SnapshotFiles } from '../storage/snapshot-files.js';
import { WriteAheadLog, type LogOptions, type RecoveredLog } from '../storage/write-ahead-log.js';
import {
  checkIdentity,
  DirectoryMismatch,
  identityDocument,
  identityFile,
  identityFrom,
  type DirectoryIdentity,
  type WantedIdentity,
} from './identity.js';
import { SuspectMark } from './suspect-mark.js';

export interface DirectoryOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly wanted: WantedIdentity;
  /** The cluster id of a directory that is born now. */
  readonly clusterIdAtBirth: string;
  /** What a directory that is born now begins with; default nothing. */
  readonly seed?: StateSnapshot;
  /** Told once when the disk has failed while the replica ran. */
  readonly fatal: (error: StorageFailure) => void;
  /** Names a moment just passed; for tests that stop the process there. */
  readonly trace?: (event: string) => void;
  /** Default 4 MiB. */
  readonly segmentBytes?: number;
}

/** A data directory that is open: identity compared, log recovered, what it says ready to be taken in. */
export interface DataDirectory {
  readonly clusterId: string;
  readonly directoryId: Incarnation;
  readonly log: WriteAheadLog;
  readonly recovered: RecoveredLog;
  readonly snapshots: SnapshotFiles;
  readonly suspect: SuspectMark;
}

const nothingRecovered = (log: WriteAheadLog): RecoveredLog => ({
  records: [],
  hardState: initialHardState,
  lastLsn: 0,
  bootCounter: log.bootCounter,
  damage: undefined,
});

/**
 * Opens the directory of one replica, or gives birth to it if it is empty. Birth writes the identity twice, before and
 * after the log is made, so that a directory whose birth was cut short is known for one that never voted.
 * @throws DirectoryMismatch, StorageDamage
 */
export async function openDataDirectory(options: DirectoryOptions): Promise<DataDirectory> {
  const { disk, wanted } = options;
  const document = await readSealed(disk, identityFile);
  const identity = document === undefined ? undefined : identityFrom(document);
  if (identity === undefined) {
    await refuseStrangers(disk);
    return await giveBirth(options);
  }
  checkIdentity(identity, wanted);
  if (identity.phase === 'being-restored') throw restoreCutShort();
  if (identity.phase === 'being-born') {
    for (const name of await disk.list()) if (name !== identityFile) await disk.remove(name);
    await disk.syncDirectory();
    return await giveBirth(options);
  }
  const { log, recovered } = await WriteAheadLog.recover(logOptions(options, identity));
  return await opened(options, identity, log, recovered);
}

const restoreCutShort = (): DirectoryMismatch =>
  new DirectoryMismatch(
    'the restore into this data directory was cut short. Empty the directory and restore the snapshot again',
  );

/** A directory without an identity must be empty: what else is in it was never ours, or has lost its identity. */
async function refuseStrangers(disk: Disk): Promise<void> {
  const strangers = (await disk.list()).filter((name) => name !== `${identityFile}${temporarySuffix}`);
  if (strangers.length === 0) return;
  throw new StorageDamage(
    identityFile,
    `it is missing, and the directory is not empty (${strangers.slice(0, 3).join(', ')}${strangers.length > 3 ? ', …' : ''})`,
    'Choose an empty directory; if a replica lived in this one, its promises cannot be vouched for and it must not vote again',
  );
}

/** Draws an identity for a new directory and makes its log. */
async function giveBirth(options: DirectoryOptions): Promise<DataDirectory> {
  const { disk, random, wanted, clusterIdAtBirth } = options;
  const identity: DirectoryIdentity = {
    phase: options.seed === undefined ? 'being-born' : 'being-restored',
    clusterId: wanted.clusterId ?? clusterIdAtBirth,
    replica: wanted.replica,
    directoryId: incarnation(random.hex(32)),
    engine: wanted.engine,
    members: wanted.members,
    sessionParameters: wanted.sessionParameters,
  };
  await writeSealed(disk, identityFile, identityDocument(identity));
  const log = await WriteAheadLog.create(logOptions(options, identity));
  const directory = await opened(options, identity, log, nothingRecovered(log));
  if (options.seed !== undefined) await plant(directory, options.seed);
  await writeSealed(disk, identityFile, identityDocument({ ...identity, phase: 'born' }));
  return directory;
}

/** Puts a snapshot into a new directory, whose log then begins after it. */
async function plant({ snapshots, log }: DataDirectory, seed: StateSnapshot): Promise<void> {
  if (seed.through === undefined) return;
  const writer = await snapshots.begin(seed.through);
  for (const chunk of seed.chunks()) await writer.write(chunk);
  await writer.commit();
  await log.append([logRecord('floor', { slot: seed.through + 1 })]);
}

async function opened(
  { disk, trace }: DirectoryOptions,
  { clusterId, directoryId }: DirectoryIdentity,
  log: WriteAheadLog,
  recovered: RecoveredLog,
): Promise<DataDirectory> {
  const snapshots = await SnapshotFiles.open(disk, trace);
  const suspect = await SuspectMark.read(disk);
  return { clusterId, directoryId, log, recovered, snapshots, suspect };
}

const logOptions = (
  { disk, clock, fatal, trace, segmentBytes }: DirectoryOptions,
  { clusterId, directoryId }: DirectoryIdentity,
): LogOptions => ({
  disk,
  clock,
  clusterId,
  directoryId,
  fatal,
  ...(trace === undefined ? {} : { trace }),
  ...(segmentBytes === undefined ? {} : { segmentBytes }),
});
