import { constants } from 'node:fs';
import { open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Disk, DiskFile } from './disk.js';

const fileOver = (handle: FileHandle): DiskFile => ({
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
  write: async (offset, bytes) => {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, offset + written);
      written += bytesWritten;
    }
  },
  datasync: () => handle.datasync(),
  size: async () => (await handle.stat()).size,
  truncate: (length) => handle.truncate(length),
  close: () => handle.close(),
});

/** The files of one directory, which must exist. */
export function nodeDisk(directory: string): Disk {
  return {
    open: async (name, options) => {
      // Never O_APPEND: it would ignore the offsets of writes.
      const flags = constants.O_RDWR | (options?.create === true ? constants.O_CREAT : 0);
      return fileOver(await open(join(directory, name), flags));
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
    syncDirectory: async () => {
      const handle = await open(directory, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}
