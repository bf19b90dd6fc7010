import { checksum, directorySeed, sectorBytes } from '../../src/storage/bytes.js';
import { frameBytes, frameHeaderBytes } from '../../src/storage/frame.js';
import type { LogRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { createdLog, directoryId, settled, votes } from './log-fixture.js';
import type { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const seed = directorySeed(directoryId);

/**
 * One frame of one sector for each slot: 0 to 6 in segment 1, 7 to 13 in segment 2, 14 to 17 in segment 3, which is the
 * last; and from its sector 5 on a frame for each append of `more`.
 */
export async function writeThreeSegments(
  disk: SimulatedDisk,
  more: readonly (readonly LogRecord[])[] = [],
): Promise<void> {
  const { log } = await createdLog(disk);
  for (const records of [...votes(0, 17).map((vote) => [vote]), ...more]) {
    await log.append(records);
    await settled(2);
  }
  await log.close();
}

/** The bytes of one sector of a segment. */
export const sectorOf = (disk: SimulatedDisk, segment: number, sector: number, count = 1): Buffer =>
  Buffer.from(
    disk.content(segmentName(segment)).subarray(sector * sectorBytes, (sector + count) * sectorBytes),
  );

export const overwriteSector = (
  disk: SimulatedDisk,
  segment: number,
  sector: number,
  bytes: Uint8Array,
): void => disk.overwrite(segmentName(segment), sector * sectorBytes, bytes);

export const zeroSector = (disk: SimulatedDisk, segment: number, sector: number): void =>
  overwriteSector(disk, segment, sector, new Uint8Array(sectorBytes));

/** Spoils the records of the frame that begins at a sector, and leaves its header whole. */
export const spoilRecords = (disk: SimulatedDisk, segment: number, sector: number): void =>
  disk.flipBit(segmentName(segment), sector * sectorBytes + frameHeaderBytes + 40, 3);

/** Gives a changed frame right checksums again, as if it had been written so. */
export function resealFrame(frame: Buffer): Buffer {
  const payloadBytes = frame.readUInt32LE(16);
  if (frameBytes(payloadBytes) !== frame.length) throw new Error(`${frame.length} bytes are not one frame`);
  frame.writeUInt32LE(checksum(frame.subarray(frameHeaderBytes, frameHeaderBytes + payloadBytes), seed), 20);
  frame.writeUInt32LE(checksum(frame.subarray(8, frameHeaderBytes), seed), 4);
  return frame;
}

/** The same for a segment's first sector. */
export function resealHeader(sector: Buffer): Buffer {
  sector.writeUInt32LE(checksum(sector.subarray(12)), 8);
  return sector;
}
