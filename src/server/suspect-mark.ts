import { z } from 'zod';
import type { Slot } from '../log/ids.js';
import type { Disk } from '../storage/disk.js';
import { StorageDamage } from '../storage/errors.js';
import { readSealed, writeSealed } from '../storage/sealed-file.js';

const suspectFile = 'suspect';
const document = z.object({ sinceSlot: z.number().int().nonnegative() });

/**
 * Marks a directory whose state differed from that of a majority (rule R13): the replica stopped itself, and starts
 * again only when its state is to be pulled anew. Its votes are good.
 */
export class SuspectMark {
  #sinceSlot: Slot | undefined;

  private constructor(
    private readonly disk: Disk,
    sinceSlot: Slot | undefined,
  ) {
    this.#sinceSlot = sinceSlot;
  }

  /** @throws StorageDamage */
  static async read(disk: Disk): Promise<SuspectMark> {
    const value = await readSealed(disk, suspectFile);
    if (value === undefined) return new SuspectMark(disk, undefined);
    const parsed = document.safeParse(value);
    if (!parsed.success) {
      throw new StorageDamage(
        suspectFile,
        'it names no slot',
        'Start the replica with the version of Synod that wrote it',
      );
    }
    return new SuspectMark(disk, parsed.data.sinceSlot);
  }

  /** The checkpoint at which the states were seen to differ; undefined if the directory is not suspect. */
  get sinceSlot(): Slot | undefined {
    return this.#sinceSlot;
  }

  async set(sinceSlot: Slot): Promise<void> {
    this.#sinceSlot = sinceSlot;
    await writeSealed(this.disk, suspectFile, { sinceSlot });
  }

  /** Takes the mark away, once a state pulled anew is durable. */
  async clear(): Promise<void> {
    if (this.#sinceSlot === undefined) return;
    await this.disk.remove(suspectFile);
    await this.disk.syncDirectory();
    this.#sinceSlot = undefined;
  }
}
