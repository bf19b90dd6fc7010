import { NoSpaceError, type Disk, type DiskFile } from './disk.js';
import { StorageFailure } from './errors.js';

/** Ends the name of a file that is not complete yet. One that a start finds is a leftover, and means nothing. */
export const temporarySuffix = '.tmp';

/** Does what must not fail. @throws StorageFailure for any error, one out of a full disk included */
export async function orStorageFailure<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw new StorageFailure(what, error);
  }
}

/** Does what needs room. @throws NoSpaceError on a full disk, StorageFailure for any other error */
export async function orNoSpace<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof NoSpaceError ? error : new StorageFailure(what, error);
  }
}

/** Opens a file that is being made, empty. */
export async function openEmpty(disk: Disk, name: string): Promise<DiskFile> {
  const file = await disk.open(name, { create: true });
  try {
    // Under a temporary name there may be what an earlier process left.
    await file.truncate(0);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/** Opens a file to read it; `undefined` if there is none. */
export async function openIfThere(disk: Disk, name: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Gives a file that is complete and synced its name, in place of what had it. @throws StorageFailure */
export async function putInPlace(disk: Disk, temporary: string, name: string): Promise<void> {
  await orStorageFailure(`the rename of ${temporary} to ${name}`, () => disk.rename(temporary, name));
}

/** @throws StorageFailure */
export async function syncNames(disk: Disk): Promise<void> {
  await orStorageFailure('the sync of the directory', () => disk.syncDirectory());
}

/** Removes a file that means nothing, if it is there. @throws StorageFailure */
export async function removeLeftover(disk: Disk, name: string): Promise<void> {
  await orStorageFailure(`the removal of ${name}`, async () => {
    const file = await openIfThere(disk, name);
    if (file === undefined) return;
    await file.close();
    await disk.remove(name);
  });
}
