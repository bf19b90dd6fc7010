import { crc32 } from 'node:zlib';
import type { Slot } from '../log/ids.js';
import { StorageDamage } from './errors.js';

/** The first sector of a snapshot file. */
export const headerBytes = 512;
export const chunkHeaderBytes = 16;
export const closingBytes = 24;
/** The most that one chunk of a snapshot may have. */
export const chunkLimitBytes = 256 * 1024;

const magic = Buffer.from('SYNODSNP');
const formatVersion = 1;

const remedy =
  'Nothing of it is used. An older snapshot with the log after it, a snapshot from another replica, or another copy ' +
  'of this file can take its place';

/** What is wrong with a snapshot file, and from which byte on. */
export const snapshotDamage = (file: string, offset: number, problem: string): StorageDamage =>
  new StorageDamage(file, `at byte ${offset}: ${problem}`, remedy);

/** The number of a snapshot through a slot: one more, so that 0 is the snapshot before any slot. */
export const numberOf = (through: Slot | undefined): number => (through === undefined ? 0 : through + 1);

export const throughOf = (number: number): Slot | undefined => (number === 0 ? undefined : number - 1);

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Puts the CRC-32 of all before them into the last four bytes. */
function seal(bytes: Uint8Array): Uint8Array {
  viewOf(bytes).setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

const isSealed = (bytes: Uint8Array): boolean =>
  viewOf(bytes).getUint32(bytes.length - 4, true) === crc32(bytes.subarray(0, -4));

export function encodeHeader(number: number): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  bytes.set(magic);
  const view = viewOf(bytes);
  view.setUint32(8, formatVersion, true);
  view.setBigUint64(16, BigInt(number), true);
  return seal(bytes);
}

/** The number of the snapshot. @throws StorageDamage */
export function decodeHeader(bytes: Uint8Array, file: string): number {
  if (Buffer.compare(bytes.subarray(0, magic.length), magic) !== 0) {
    throw snapshotDamage(file, 0, `it does not begin with ${magic.toString()}, so it is no snapshot`);
  }
  if (!isSealed(bytes)) throw snapshotDamage(file, 0, 'the checksum of the header is wrong');
  const view = viewOf(bytes);
  const version = view.getUint32(8, true);
  if (version !== formatVersion) {
    const problem = `it has format version ${version}, and this program reads version ${formatVersion} only`;
    throw new StorageDamage(file, problem, 'Read it with the version of Synod that wrote it');
  }
  const number = Number(view.getBigUint64(16, true));
  if (!Number.isSafeInteger(number)) throw snapshotDamage(file, 16, `${number} is no slot`);
  return number;
}

export interface ChunkHeader {
  /** Bytes of content, from 1 to `chunkLimitBytes`. */
  readonly length: number;
  /** Place of the chunk in its file, from 0. */
  readonly number: number;
  readonly contentCrc: number;
}

export function encodeChunkHeader({ length, number, contentCrc }: ChunkHeader): Uint8Array {
  const bytes = new Uint8Array(chunkHeaderBytes);
  const view = viewOf(bytes);
  view.setUint32(0, length, true);
  view.setUint32(4, number, true);
  view.setUint32(8, contentCrc, true);
  return seal(bytes);
}

/** `undefined` if the checksum is wrong. */
export function decodeChunkHeader(bytes: Uint8Array): ChunkHeader | undefined {
  if (!isSealed(bytes)) return undefined;
  const view = viewOf(bytes);
  return {
    length: view.getUint32(0, true),
    number: view.getUint32(4, true),
    contentCrc: view.getUint32(8, true),
  };
}

/** No chunk is empty, so four zero bytes where a chunk's length would be begin the closing. */
export const beginsClosing = (bytes: Uint8Array): boolean => viewOf(bytes).getUint32(0, true) === 0;

/** What the closing says of the chunks before it. */
export interface Tally {
  readonly chunks: number;
  readonly contentBytes: number;
  /** CRC-32 over the CRC-32 of every chunk's content, four bytes each. */
  readonly crc: number;
}

export const emptyTally: Tally = { chunks: 0, contentBytes: 0, crc: 0 };

/** The tally after one more chunk. */
export function count(tally: Tally, { length, contentCrc }: ChunkHeader): Tally {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, contentCrc, true);
  return {
    chunks: tally.chunks + 1,
    contentBytes: tally.contentBytes + length,
    crc: crc32(bytes, tally.crc),
  };
}

/** The end of the file, which follows from what precedes it: a reader computes it and compares. */
export function encodeClosing({ chunks, contentBytes, crc }: Tally): Uint8Array {
  const bytes = new Uint8Array(closingBytes);
  const view = viewOf(bytes);
  view.setUint32(4, chunks, true);
  view.setBigUint64(8, BigInt(contentBytes), true);
  view.setUint32(16, crc, true);
  return seal(bytes);
}
