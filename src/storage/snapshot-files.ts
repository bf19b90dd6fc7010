import type { Slot } from '../log/ids.js';
import type { Disk, DiskFile } from './disk.js';
import {
  openEmpty,
  orNoSpace,
  orStorageFailure,
  putInPlace,
  removeLeftover,
  syncNames,
  temporarySuffix,
} from './durable-steps.js';
import { numberOf, snapshotDamage, throughOf } from './snapshot-format.js';
import { readSnapshotFrom, SnapshotStream } from './snapshot-stream.js';

/** What has just been done, for whoever follows it, for instance to kill the process there. */
export type SnapshotEvent =
  'snapshot-begun' | 'snapshot-chunk-written' | 'snapshot-synced' | 'snapshot-renamed' | 'snapshot-removed';

export type SnapshotTrace = (event: SnapshotEvent) => void;

/** A snapshot in the making. One call at a time; after an error only `abandon` is left. */
export interface SnapshotFileWriter {
  /** Adds a chunk of 1 byte to 256 KiB. @throws NoSpaceError, StorageFailure */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes the snapshot durable under its name; until then it does not exist. @throws NoSpaceError, StorageFailure */
  commit(): Promise<void>;
  /** Leaves nothing behind; does nothing after `commit`. */
  abandon(): Promise<void>;
}

/** A snapshot on disk. */
export interface SnapshotFile {
  /** The last slot it covers; `undefined` is none. */
  readonly through: Slot | undefined;
  /** The size of its file. */
  readonly bytes: number;
}

const namePattern = /^snapshot-([0-9]{16})$/;
const nameOf = (number: number): string => `snapshot-${String(number).padStart(16, '0')}`;
const isLeftover = (name: string): boolean => name.startsWith('snapshot-') && name.endsWith(temporarySuffix);

function numberIn(name: string): number | undefined {
  const number = Number(namePattern.exec(name)?.[1] ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** The snapshot files of a directory. What is in a snapshot is not known here: it is a list of chunks. */
export class SnapshotFiles {
  private readonly sizes = new Map<number, number>();
  private begun = 0;

  private constructor(
    private readonly disk: Disk,
    private readonly trace: SnapshotTrace,
  ) {}

  /** Lists what is there and removes what an earlier process left half done. Nothing is checked before it is read. */
  static async open(disk: Disk, trace: SnapshotTrace = () => undefined): Promise<SnapshotFiles> {
    const files = new SnapshotFiles(disk, trace);
    for (const name of await disk.list()) {
      const number = numberIn(name);
      if (number !== undefined) files.sizes.set(number, await sizeOf(disk, name));
      else if (isLeftover(name)) await removeLeftover(disk, name);
    }
    return files;
  }

  /** All snapshots, the newest first. */
  list(): readonly SnapshotFile[] {
    return [...this.sizes]
      .sort(([left], [right]) => right - left)
      .map(([number, bytes]) => ({ through: throughOf(number), bytes }));
  }

  /** Begins a snapshot, which will replace one through the same slot. @throws NoSpaceError, StorageFailure */
  async begin(through: Slot | undefined): Promise<SnapshotFileWriter> {
    const number = numberOf(through);
    this.begun += 1;
    // Two snapshots through one slot may be under way: one of this replica, and one that comes from another.
    const temporary = `${nameOf(number)}.${this.begun}${temporarySuffix}`;
    const committed = (bytes: number) => this.sizes.set(number, bytes);
    return beginFile(this.disk, { name: nameOf(number), temporary, through, committed, trace: this.trace });
  }

  /** The chunks of a snapshot, as `readSnapshotFrom` gives them. @throws StorageDamage */
  async *read(through: Slot | undefined): AsyncGenerator<Uint8Array, void> {
    const name = nameOf(numberOf(through));
    const file = await this.disk.open(name);
    try {
      const content = await readSnapshotFrom(file, name);
      if (content.through !== through) {
        throw snapshotDamage(
          name,
          16,
          `it is snapshot ${numberOf(content.through)} under another one's name`,
        );
      }
      yield* content.chunks;
    } finally {
      await file.close();
    }
  }

  /** Removes all that are older than the one through `than`, which must be there. @throws StorageFailure */
  async removeOlder(than: Slot | undefined): Promise<void> {
    const limit = numberOf(than);
    if (!this.sizes.has(limit))
      throw new Error(`${nameOf(limit)} is not there, so nothing can go in its favour`);
    const older = [...this.sizes.keys()].filter((number) => number < limit);
    await this.removeAll(older.sort((left, right) => left - right));
  }

  /** Removes one, if it is there. @throws StorageFailure */
  async remove(through: Slot | undefined): Promise<void> {
    await this.removeAll([numberOf(through)].filter((number) => this.sizes.has(number)));
  }

  private async removeAll(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      await orStorageFailure(`the removal of ${nameOf(number)}`, () => this.disk.remove(nameOf(number)));
      this.sizes.delete(number);
      this.trace('snapshot-removed');
    }
    if (numbers.length > 0) await syncNames(this.disk);
  }
}

async function sizeOf(disk: Disk, name: string): Promise<number> {
  const file = await disk.open(name);
  try {
    return await file.size();
  } finally {
    await file.close();
  }
}

interface NewFile {
  readonly name: string;
  readonly temporary: string;
  readonly through: Slot | undefined;
  /** Told of the file's size once it is durable. */
  readonly committed: (bytes: number) => void;
  readonly trace: SnapshotTrace;
}

async function beginFile(disk: Disk, target: NewFile): Promise<SnapshotFileWriter> {
  const what = `the creation of ${target.temporary}`;
  const file = await orNoSpace(what, () => openEmpty(disk, target.temporary));
  const writer = new FileWriter(disk, file, target);
  try {
    await writer.begin();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return writer;
}

/**
 * Begins a snapshot under any name of a disk, for instance a backup; it appears there, whole, with `commit`.
 * @throws NoSpaceError, StorageFailure
 */
export function beginSnapshotFile(
  disk: Disk,
  name: string,
  through: Slot | undefined,
): Promise<SnapshotFileWriter> {
  const ignore = () => undefined;
  const temporary = `${name}${temporarySuffix}`;
  return beginFile(disk, { name, temporary, through, committed: ignore, trace: ignore });
}

class FileWriter implements SnapshotFileWriter {
  private phase: 'writing' | 'failed' | 'ended' = 'writing';
  private isOpen = true;
  private readonly stream: SnapshotStream;

  constructor(
    private readonly disk: Disk,
    private readonly file: DiskFile,
    private readonly target: NewFile,
  ) {
    this.stream = new SnapshotStream(file, target.temporary);
  }

  async begin(): Promise<void> {
    await this.step(() => this.stream.begin(this.target.through));
    this.target.trace('snapshot-begun');
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.step(() => this.stream.chunk(chunk));
    this.target.trace('snapshot-chunk-written');
  }

  async commit(): Promise<void> {
    const { name, temporary, trace, committed } = this.target;
    await this.step(async () => {
      await this.stream.close();
      trace('snapshot-synced');
      await this.closeFile();
      await putInPlace(this.disk, temporary, name);
      trace('snapshot-renamed');
      await syncNames(this.disk);
    });
    this.phase = 'ended';
    committed(this.stream.bytes);
  }

  async abandon(): Promise<void> {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    await this.closeFile();
    await removeLeftover(this.disk, this.target.temporary);
  }

  private async step(act: () => Promise<void>): Promise<void> {
    if (this.phase !== 'writing') throw new Error(`${this.target.temporary} has ${this.phase}`);
    try {
      await act();
    } catch (error) {
      this.phase = 'failed';
      throw error;
    }
  }

  private async closeFile(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await orStorageFailure(`the closing of ${this.target.temporary}`, () => this.file.close());
  }
}
