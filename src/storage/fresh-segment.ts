import { sectorBytes } from './bytes.js';
import { NoSpaceError, type Disk } from './disk.js';
import type { LogSettings } from './log-options.js';
import { writeSegmentHeader, type SegmentHeader } from './segment-header.js';
import { directorySynced, isZeroFile, makeZeroFile, publish, synced, usingFile } from './segment-maker.js';
import { isLogTemporary, isReserve, reserveName, segmentName, temporaryName } from './segment-names.js';

/** Removes files that were being made when the process ended. */
export async function removeTemporaries(disk: Disk): Promise<void> {
  for (const name of (await disk.list()).filter(isLogTemporary)) await disk.remove(name);
}

/** Takes a file that is there and all zero for the fresh segment. Nothing is written to it before the new name is durable. */
async function adopt(disk: Disk, from: string, name: string): Promise<void> {
  await disk.rename(from, temporaryName(name));
  await directorySynced(disk);
}

/** Zeros under the temporary name: the segment claimed ahead, else new ones, else, on a full disk, the reserve. */
async function makeZeros(settings: LogSettings, name: string, spare: string | undefined): Promise<void> {
  const { disk, segmentBytes } = settings;
  if (spare !== undefined) return adopt(disk, spare, name);
  try {
    await makeZeroFile(disk, name, segmentBytes);
  } catch (error) {
    if (!(error instanceof NoSpaceError)) throw error;
    for (const reserve of (await disk.list()).filter(isReserve)) {
      if (await isZeroFile(disk, reserve, segmentBytes)) return adopt(disk, reserve, name);
    }
    throw error;
  }
}

/**
 * Turns a segment that is no longer part of the log into a file of the reserve: on a full disk its room would be gone
 * once it were given back, and the next recovery needs room.
 */
export async function recycleAsReserve(settings: LogSettings, name: string): Promise<void> {
  const { disk, segmentBytes, reserveSegments } = settings;
  const names = await disk.list();
  const free = Array.from({ length: reserveSegments }, (_, index) => reserveName(index + 1)).find(
    (reserve) => !names.includes(reserve),
  );
  const bytes = await usingFile(disk, name, (file) => file.size());
  if (free === undefined || bytes !== segmentBytes) return disk.remove(name);
  await disk.rename(name, temporaryName(free));
  await directorySynced(disk);
  await usingFile(disk, temporaryName(free), async (file) => {
    await file.write(0, Buffer.alloc(segmentBytes));
    await synced(free, () => file.datasync());
  });
  await publish(disk, free);
}

/**
 * Makes a segment that is whole and durable before it has its name: a header, and frames repeated from an older one.
 * @param spare name of the segment claimed ahead, known to be all zero
 * @throws NoSpaceError if the disk is full and there is neither spare nor reserve
 */
export async function makeFreshSegment(
  settings: LogSettings,
  header: SegmentHeader,
  frames: Uint8Array,
  spare: string | undefined,
): Promise<void> {
  const { disk, trace } = settings;
  const name = segmentName(header.number);
  await makeZeros(settings, name, spare);
  await usingFile(disk, temporaryName(name), async (file) => {
    await file.write(0, writeSegmentHeader(header));
    if (frames.length > 0) await file.write(sectorBytes, frames);
    await synced(name, () => file.datasync());
  });
  trace('recovery-segment-synced');
  await disk.rename(temporaryName(name), name);
  trace('recovery-segment-renamed');
  await directorySynced(disk);
}
