import { setTimeout as sleep } from 'node:timers/promises';
import type { Disk } from '../../../src/storage/disk.js';

/** The same disk, but every sync of a file begins late: what is under way when the process is killed is then more. */
export const slowSync = (disk: Disk, delayMs: number): Disk => ({
  open: async (name, options) => {
    const file = await disk.open(name, options);
    const datasync = async () => {
      await sleep(delayMs);
      await file.datasync();
    };
    return { ...file, datasync };
  },
  rename: (from, to) => disk.rename(from, to),
  remove: (name) => disk.remove(name),
  list: () => disk.list(),
  syncDirectory: () => disk.syncDirectory(),
});
