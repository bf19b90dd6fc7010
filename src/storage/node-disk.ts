import { constants } from 'node:fs';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { NoSpaceError, type Disk, type DiskFile } from './disk.js';

/** The code of an error of the operating system. */
export const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

/** Whether there is no room left, on the disk or in the user's share of it. */
export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].some((code) => code === codeOf(error));

async function orNoSpaceError<Result>(file: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw isDiskFull(error) ? Object.assign(new NoSpaceError(file), { cause: error }) : error;
  }
}

const fileOver = (handle: FileHandle, path: string): DiskFile => ({
  read: async (offset, length) => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  },
  write: (offset, bytes) =>
    orNoSpaceError(path, async () => {
      let written = 0;
      while (written < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, offset + written);
        written += bytesWritten;
      }
    }),
  // A full disk met here is a failed sync, not a refused write (rule R15).
  datasync: () => handle.datasync(),
  size: async () => (await handle.stat()).size,
  truncate: (length) => orNoSpaceError(path, () => handle.truncate(length)),
  close: () => handle.close(),
});

/** Makes creations, renames and removals in a directory durable. */
export async function syncNodeDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The files of one directory, which must exist. */
export function nodeDisk(directory: string): Disk {
  return {
    open: async (name, options) => {
      const path = join(directory, name);
      // Never O_APPEND: it would ignore the offsets of writes.
      const flags = constants.O_RDWR | (options?.create === true ? constants.O_CREAT : 0);
      return fileOver(await orNoSpaceError(path, () => open(path, flags)), path);
    },
    rename: (from, to) => rename(join(directory, from), join(directory, to)),
    remove: (name) => rm(join(directory, name)),
    list: async () => {
      const entries = await readdir(directory, { withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) => entry.name)
        .sort();
    },
    syncDirectory: () => syncNodeDirectory(directory),
  };
}
