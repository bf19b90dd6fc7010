import { defaultSessionParameters, type SessionParameters } from '../kv/limits.js';
import { incarnation, type Incarnation, type ReplicaId } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import type { Disk } from '../storage/disk.js';
import type { StorageFailure } from '../storage/errors.js';
import { lockDirectory } from '../storage/node-directory-lock.js';
import { openDirectory } from '../storage/node-directory.js';
import { derivedClusterId } from './cluster-id.js';
import { openDataDirectory, type DataDirectory } from './data-directory.js';

/** Where a replica keeps its state. */
export interface PlaceOptions {
  /** Absent: in memory. */
  readonly dataDirectory?: string;
  /** Default: drawn from engine, members and session parameters; for a directory that is not new, its own. */
  readonly clusterId?: string;
  readonly sessionParameters?: SessionParameters;
  /** For tests: the size of the log's segments; default 4 MiB. */
  readonly segmentBytes?: number;
  /** For tests: what stands between the replica and its directory. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  /** For tests: names a moment just passed. */
  readonly trace?: (event: string) => void;
  readonly me: ReplicaId;
  readonly engine: string;
  readonly members: readonly Member[];
  readonly diskFailed: (error: StorageFailure) => void;
}

/** Where a replica keeps its state, and who it is by that. */
export interface Place {
  readonly directory: DataDirectory | undefined;
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  /** Lets another process have the directory. */
  readonly release: () => Promise<void>;
}

/**
 * Opens the directory and keeps every other process out of it; or draws an incarnation, in memory.
 * @throws DirectoryMismatch, DirectoryInUse, UnusableDirectory, StorageDamage
 */
export async function openPlace(options: PlaceOptions): Promise<Place> {
  const { dataDirectory, members, engine } = options;
  const sessionParameters = options.sessionParameters ?? defaultSessionParameters;
  const derived = derivedClusterId(engine, members, sessionParameters);
  if (dataDirectory === undefined) {
    return {
      directory: undefined,
      clusterId: options.clusterId ?? derived,
      incarnation: incarnation(realRandom.hex(32)),
      release: () => Promise.resolve(),
    };
  }
  const disk = await openDirectory(dataDirectory);
  const lock = await lockDirectory(dataDirectory);
  try {
    const directory = await openDataDirectory({
      disk: options.wrapDisk?.(disk) ?? disk,
      clock: realClock,
      random: realRandom,
      wanted: { engine, members, sessionParameters, replica: options.me, clusterId: options.clusterId },
      clusterIdAtBirth: derived,
      fatal: options.diskFailed,
      ...(options.trace === undefined ? {} : { trace: options.trace }),
      ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
    });
    const { clusterId, directoryId } = directory;
    return { directory, clusterId, incarnation: directoryId, release: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
