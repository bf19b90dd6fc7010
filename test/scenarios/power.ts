import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/runtime/random.js';
import type { Disk, DiskFile } from '../../src/storage/disk.js';
import { SyncedOnlyDisk } from '../support/synced-only-disk.js';

/** A sync takes less than this longer than it would. */
const lateBoundMs = 10;

/**
 * The power of all disks of a cluster. What no sync had covered when it was cut is lost, and a disk that was cut keeps
 * nothing more, whatever its replica still does; those that are opened afterwards have power again.
 */
export class Power {
  #life = 0;

  constructor(private readonly random: Random) {}

  cut(): void {
    this.#life += 1;
  }

  /** A disk with power, whose syncs take their time. */
  readonly wrapDisk = (disk: Disk): Disk => {
    const beneath = new SyncedOnlyDisk(disk);
    const life = this.#life;
    const unlessCut = async (sync: () => Promise<void>) => {
      await sleep(this.random.below(lateBoundMs));
      if (life === this.#life) await sync();
    };
    const powered = (file: DiskFile): DiskFile => ({
      ...file,
      datasync: () => unlessCut(() => file.datasync()),
    });
    return {
      open: async (name, options) => powered(await beneath.open(name, options)),
      rename: (from, to) => beneath.rename(from, to),
      remove: (name) => beneath.remove(name),
      list: () => beneath.list(),
      syncDirectory: () => unlessCut(() => beneath.syncDirectory()),
    };
  };
}
