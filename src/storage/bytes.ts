import { crc32 } from 'node:zlib';

/** What a disk writes whole or not at all; frames and headers begin at multiples of it (rule R6). */
export const sectorBytes = 512;

const zeros = Buffer.alloc(64 * 1024);
const twoTo32 = 2 ** 32;

/** `length`, rounded up to whole sectors. */
export const wholeSectors = (length: number): number => Math.ceil(length / sectorBytes) * sectorBytes;

export function isZero(bytes: Uint8Array): boolean {
  for (let offset = 0; offset < bytes.length; offset += zeros.length) {
    const part = bytes.subarray(offset, offset + zeros.length);
    if (Buffer.compare(part, zeros.subarray(0, part.length)) !== 0) return false;
  }
  return true;
}

/** How many of the sectors of `bytes`, which is whole sectors long, are all zero. */
export function zeroSectorsIn(bytes: Uint8Array): number {
  let count = 0;
  for (let offset = 0; offset < bytes.length; offset += sectorBytes) {
    if (bytes[offset] === 0 && isZero(bytes.subarray(offset, offset + sectorBytes))) count += 1;
  }
  return count;
}

/** Writes a whole number from 0 to 2^53 − 1, little-endian. */
export function writeUint64(target: Buffer, value: number, offset: number): void {
  target.writeUInt32LE(value % twoTo32, offset);
  target.writeUInt32LE(Math.floor(value / twoTo32), offset + 4);
}

export const readUint64 = (source: Buffer, offset: number): number =>
  source.readUInt32LE(offset + 4) * twoTo32 + source.readUInt32LE(offset);

/**
 * The checksum that the checksums of one directory's frames go on from: whoever does not know the directory's id
 * cannot make bytes that read as one of its headers, and a frame of another directory is none here.
 */
export const directorySeed = (directoryId: string): number => crc32(Buffer.from(directoryId, 'hex'));

export const checksum = (bytes: Uint8Array, seed = 0): number => crc32(bytes, seed);

/** The same bytes with the methods of a buffer. */
export const bufferOver = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
