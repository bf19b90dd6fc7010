import { mkdir, readdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { SnapshotServiceService as definition } from '../../gen/synod/snapshot/v1/snapshot.js';
import { defaultSessionParameters } from '../kv/limits.js';
import { KeyValueStateMachine } from '../kv/state-machine.js';
import { chunkFromWire } from '../log/chunk-wire.js';
import { replicaId, type Slot } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import { parseAddress } from '../rpc/address.js';
import { CallError } from '../rpc/call-error.js';
import { openChannel, streamCall } from '../rpc/channel.js';
import type { Chunk } from '../log/snapshot-chunks.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import { StorageDamage } from '../storage/errors.js';
import { lockDirectory } from '../storage/node-directory-lock.js';
import { nodeDisk } from '../storage/node-disk.js';
import { openDirectory } from '../storage/node-directory.js';
import { beginSnapshotFile, type SnapshotFileWriter } from '../storage/snapshot-files.js';
import { readSnapshotFrom } from '../storage/snapshot-stream.js';
import { restoredClusterId } from './cluster-id.js';
import { openDataDirectory } from './data-directory.js';
import { checkMembers, type MemberOption } from './members.js';

/** A backup file that cannot be used, or a place where none can be restored to; one line. */
export class SnapshotProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SnapshotProblem';
  }
}

export interface SaveOptions {
  /** Asked in turn until one has handed out all of it. */
  readonly endpoints: readonly string[];
  readonly path: string;
  /** For each endpoint. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told the bytes that have come so far. */
  readonly progress?: (bytes: number) => void;
}

export interface SavedSnapshot {
  readonly through: Slot;
  readonly bytes: number;
  readonly keys: number;
  /** Hexadecimal. */
  readonly digest: string;
  /** Who handed it out. */
  readonly endpoint: string;
}

/**
 * Saves the whole state of a live cluster to a file: as it stood at one slot, no older than any write answered before. It
 * is checked while it comes, and the file appears whole or not at all.
 * @throws CallError of the last endpoint tried; NoSpaceError, StorageFailure of the disk
 */
export async function saveSnapshot(options: SaveOptions): Promise<SavedSnapshot> {
  let failure: unknown = new SnapshotProblem('there is no endpoint to ask');
  for (const endpoint of options.endpoints) {
    try {
      return await saveFrom(endpoint, options);
    } catch (error) {
      if (!(error instanceof CallError) || options.signal.aborted) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function saveFrom(endpoint: string, options: SaveOptions): Promise<SavedSnapshot> {
  const { path, timeoutMs, signal, progress } = options;
  const channel = openChannel(parseAddress(endpoint), { between: 'client-and-replica' });
  const expired = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  const builder = state.builder();
  const disk = nodeDisk(dirname(resolve(path)));
  let writer: SnapshotFileWriter | undefined;
  let bytes = 0;
  try {
    for await (const { through, chunk } of streamCall(channel, definition.save)({}, { signal: expired })) {
      const { number, content, last } = checked(chunkFromWire(chunk));
      if (number === 0) writer = await beginSnapshotFile(disk, basename(path), through);
      builder.take(content);
      await writer?.write(content);
      bytes += content.length;
      progress?.(bytes);
      if (last) {
        const { digest } = builder.finish();
        builder.install();
        await writer?.commit();
        return {
          through,
          bytes,
          keys: state.store.size,
          digest: Buffer.from(digest).toString('hex'),
          endpoint,
        };
      }
    }
    throw new CallError({
      code: 'UNAVAILABLE',
      reason: 'UNKNOWN',
      message: `${endpoint} ended before its last piece`,
    });
  } catch (error) {
    if (!expired.aborted || signal.aborted) throw error;
    throw new CallError({
      code: 'DEADLINE_EXCEEDED',
      reason: 'UNKNOWN',
      message: `${endpoint} did not hand out all of it in ${timeoutMs} ms (${bytes} bytes came)`,
    });
  } finally {
    await writer?.abandon();
    channel.close();
  }
}

function checked(chunk: Chunk): Chunk {
  if (chunk.crc === crc32(chunk.content)) return chunk;
  throw new CallError({
    code: 'UNAVAILABLE',
    reason: 'UNKNOWN',
    message: `piece ${chunk.number} came garbled`,
  });
}

export interface RestoreOptions {
  readonly path: string;
  /** New or empty. */
  readonly dataDirectory: string;
  readonly id: number;
  /** All members of the new cluster. */
  readonly peers: readonly MemberOption[];
  readonly engine: string;
  /** Told the bytes that have been read so far. */
  readonly progress?: (bytes: number) => void;
}

export interface RestoredSnapshot {
  readonly through: Slot;
  readonly keys: number;
  /** Of the restored state, whose sessions are gone; hexadecimal. */
  readonly digest: string;
  /** Drawn from the file and the member list, so that members restored from different files refuse each other (R11). */
  readonly clusterId: string;
}

/**
 * Makes the data directory of one member of a new cluster from a file. Data and the counter of session ids are kept,
 * sessions end.
 * @throws SnapshotProblem, OptionsError
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<RestoredSnapshot> {
  const members = checkMembers(options.peers, options.id);
  const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters, members });
  const saved = await readInto(state, options);
  state.dropSessions();
  const { dataDirectory } = options;
  await mkdir(dataDirectory, { recursive: true });
  if ((await readdir(dataDirectory)).length > 0) {
    throw new SnapshotProblem(`${dataDirectory} is not empty; choose an empty or new directory`);
  }
  const lock = await lockDirectory(dataDirectory);
  try {
    return await giveBirth(options, members, restoredClusterId(saved.digest, members), state);
  } finally {
    await lock.release();
  }
}

/** Makes a directory that begins with `state`. @throws SnapshotProblem */
async function giveBirth(
  { path, dataDirectory, id, engine }: RestoreOptions,
  members: readonly Member[],
  clusterId: string,
  state: KeyValueStateMachine,
): Promise<RestoredSnapshot> {
  const snapshot = state.snapshot();
  const { through, digest } = snapshot;
  if (through === undefined) throw new SnapshotProblem(`${path} holds nothing that was applied`);
  const { log } = await openDataDirectory({
    disk: await openDirectory(dataDirectory),
    clock: realClock,
    random: realRandom,
    wanted: {
      engine,
      members,
      sessionParameters: defaultSessionParameters,
      replica: replicaId(id),
      clusterId,
    },
    clusterIdAtBirth: clusterId,
    seed: snapshot,
    // What fails is told by the append that fails.
    fatal: () => undefined,
  });
  await log.close();
  return { through, keys: state.store.size, digest: Buffer.from(digest).toString('hex'), clusterId };
}

/** @throws SnapshotProblem if the file is no whole snapshot */
async function readInto(
  state: KeyValueStateMachine,
  { path, progress }: RestoreOptions,
): Promise<{ readonly digest: string }> {
  const builder = state.builder();
  try {
    const file = await nodeDisk(dirname(resolve(path))).open(basename(path));
    try {
      const { chunks } = await readSnapshotFrom(file, path);
      let bytes = 0;
      for await (const chunk of chunks) {
        builder.take(chunk);
        bytes += chunk.length;
        progress?.(bytes);
      }
    } finally {
      await file.close();
    }
    const { digest } = builder.finish();
    builder.install();
    return { digest: Buffer.from(digest).toString('hex') };
  } catch (error) {
    throw new SnapshotProblem(problemText(path, error));
  }
}

function problemText(path: string, error: unknown): string {
  if (error instanceof StorageDamage)
    return `${path} is not a whole snapshot: ${error.problem}; use another copy of it`;
  const message = error instanceof Error ? error.message : String(error);
  return `${path} cannot be restored: ${message}`;
}
