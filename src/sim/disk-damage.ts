import type { Random } from '../runtime/random.js';
import { sectorBytes, type SimulatedDisk } from './simulated-disk.js';

const damagedBits = 3;

/** Harms what a disk holds while nobody uses it; answers whether there was anything to harm. */
export function damageDisk(disk: SimulatedDisk, random: Random): boolean {
  const files = disk.files().filter((name) => disk.content(name).length > 0);
  const segments = files.filter((name) => name.endsWith('.segment'));
  const any = files[random.below(files.length)];
  if (any === undefined) return false;
  // Of the segments the one with the end of the log comes late, before those that are claimed ahead.
  const late = segments.filter((name) => usedBytes(disk, name) > sectorBytes).at(-1) ?? any;
  switch (random.below(4)) {
    case 0:
      flipBits(disk, any, 0, disk.content(any).length, random);
      break;
    case 1:
      flipBits(disk, late, 0, usedBytes(disk, late), random);
      break;
    case 2: {
      const used = usedBytes(disk, late);
      flipBits(disk, late, Math.max(0, used - sectorBytes), used, random);
      break;
    }
    default:
      disk.cutFile(late, random.below(disk.content(late).length));
  }
  return true;
}

function flipBits(disk: SimulatedDisk, file: string, first: number, end: number, random: Random): void {
  for (let bit = 0; bit < damagedBits && end > first; bit += 1) {
    disk.flipBit(file, first + random.below(end - first), random.below(8));
  }
}

/** How far a file is anything but zeros, in whole sectors. */
function usedBytes(disk: SimulatedDisk, file: string): number {
  const bytes = disk.content(file);
  const last = bytes.findLastIndex((byte) => byte !== 0);
  return Math.min(bytes.length, Math.ceil((last + 1) / sectorBytes) * sectorBytes);
}
