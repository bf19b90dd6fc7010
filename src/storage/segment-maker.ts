import { isZero } from './bytes.js';
import type { Disk, DiskFile } from './disk.js';
import { NoSpaceError } from './disk.js';
import { StorageFailure } from './errors.js';
import { temporaryName } from './segment-names.js';

const pieceBytes = 1024 * 1024;

/** Making a file was given up because the log ends; the next recovery removes what there is of it. */
export class Abandoned extends Error {}

/**
 * Runs a sync. Whatever it fails with, lack of space included, is a failed sync (rule R15).
 * @throws StorageFailure
 */
export async function synced(what: string, sync: () => Promise<void>): Promise<void> {
  try {
    await sync();
  } catch (error) {
    throw new StorageFailure(`the sync of ${what}`, error);
  }
}

export const directorySynced = (disk: Disk): Promise<void> =>
  synced('the data directory', () => disk.syncDirectory());

/** Uses `file` and closes it, whatever comes. */
export async function usingFile<Result>(
  disk: Disk,
  name: string,
  use: (file: DiskFile) => Promise<Result>,
  options?: { readonly create: boolean },
): Promise<Result> {
  const file = await disk.open(name, options);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function fillWithZeros(file: DiskFile, bytes: number, abandoned: () => boolean): Promise<void> {
  await file.truncate(0);
  const zeros = Buffer.alloc(Math.min(pieceBytes, bytes));
  for (let offset = 0; offset < bytes; offset += zeros.length) {
    if (abandoned()) throw new Abandoned();
    await file.write(offset, zeros.subarray(0, bytes - offset));
  }
  if (abandoned()) throw new Abandoned();
}

/**
 * Makes a file of `bytes` zeros under its temporary name and syncs it.
 * @throws NoSpaceError, after which nothing of it is left
 */
export async function makeZeroFile(
  disk: Disk,
  name: string,
  bytes: number,
  abandoned: () => boolean = () => false,
): Promise<void> {
  const temporary = temporaryName(name);
  try {
    await usingFile(
      disk,
      temporary,
      async (file) => {
        await fillWithZeros(file, bytes, abandoned);
        await synced(temporary, () => file.datasync());
      },
      { create: true },
    );
  } catch (error) {
    if (error instanceof NoSpaceError) await removeIfThere(disk, temporary);
    throw error;
  }
}

/** Gives a file that is whole under its temporary name the name it is for, durably. */
export async function publish(disk: Disk, name: string): Promise<void> {
  await disk.rename(temporaryName(name), name);
  await directorySynced(disk);
}

export async function removeIfThere(disk: Disk, name: string): Promise<void> {
  if ((await disk.list()).includes(name)) await disk.remove(name);
}

/** Whether `name` is there and holds `bytes` zeros and nothing else. */
export async function isZeroFile(disk: Disk, name: string, bytes: number): Promise<boolean> {
  if (!(await disk.list()).includes(name)) return false;
  return usingFile(
    disk,
    name,
    async (file) => (await file.size()) === bytes && isZero(await file.read(0, bytes)),
  );
}
