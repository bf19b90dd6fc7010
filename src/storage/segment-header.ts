import { bufferOver, checksum, isZero, readUint64, sectorBytes, writeUint64 } from './bytes.js';
import { readHardState, writeHardState } from './hard-state-codec.js';
import type { HardState } from './hard-state.js';

/** The version of segments and frames that this code writes, and the only one it reads. */
export const logFormatVersion = 1;

/** The longest cluster id a header has room for, in bytes of UTF-8. */
export const clusterIdLimitBytes = 256;

const magic = Buffer.from('SYNODLOG', 'latin1');
const checksumStart = 12;
const clusterIdOffset = 148;

/** The first sector of a segment. */
export interface SegmentHeader {
  readonly clusterId: string;
  readonly directoryId: string;
  readonly segmentBytes: number;
  readonly number: number;
  /** How often this directory had been started when the segment was opened. */
  readonly bootCounter: number;
  /** LSN of the segment's first frame, and the checksum that frame names as its predecessor's. */
  readonly firstLsn: number;
  readonly previousChecksum: number;
  /** The hard state before the segment's first frame. */
  readonly hardState: HardState;
  /** Number of the lowest segment that is part of the log. */
  readonly firstSegment: number;
  /** The segment that the log went on from, and the offset where that one validly ends; whatever stands behind is void. */
  readonly predecessor: { readonly number: number; readonly end: number } | undefined;
}

/** What the first sector of a segment turns out to be. */
export type SegmentSector =
  | { readonly kind: 'valid'; readonly header: SegmentHeader }
  /** All zero: claimed ahead and never used. */
  | { readonly kind: 'unused' }
  | { readonly kind: 'other-version'; readonly version: number }
  | { readonly kind: 'invalid' };

export function writeSegmentHeader(header: SegmentHeader): Buffer {
  const sector = Buffer.alloc(sectorBytes);
  magic.copy(sector, 0);
  sector.writeUInt32LE(logFormatVersion, 12);
  writeUint64(sector, header.segmentBytes, 16);
  writeUint64(sector, header.number, 24);
  writeUint64(sector, header.bootCounter, 32);
  writeUint64(sector, header.firstLsn, 40);
  sector.writeUInt32LE(header.previousChecksum, 48);
  writeHardState(sector, header.hardState, 52);
  writeUint64(sector, header.firstSegment, 104);
  writeUint64(sector, header.predecessor?.number ?? 0, 112);
  writeUint64(sector, header.predecessor?.end ?? 0, 120);
  sector.write(header.directoryId, 128, 16, 'hex');
  sector.writeUInt32LE(sector.write(header.clusterId, clusterIdOffset, clusterIdLimitBytes, 'utf8'), 144);
  sector.writeUInt32LE(checksum(sector.subarray(checksumStart)), 8);
  return sector;
}

function readValid(source: Buffer): SegmentHeader {
  const predecessor = readUint64(source, 112);
  return {
    clusterId: source.toString('utf8', clusterIdOffset, clusterIdOffset + source.readUInt32LE(144)),
    directoryId: source.toString('hex', 128, 144),
    segmentBytes: readUint64(source, 16),
    number: readUint64(source, 24),
    bootCounter: readUint64(source, 32),
    firstLsn: readUint64(source, 40),
    previousChecksum: source.readUInt32LE(48),
    hardState: readHardState(source, 52),
    firstSegment: readUint64(source, 104),
    predecessor: predecessor === 0 ? undefined : { number: predecessor, end: readUint64(source, 120) },
  };
}

export function readSegmentHeader(sector: Uint8Array): SegmentSector {
  const source = bufferOver(sector);
  if (source.length < sectorBytes) return { kind: 'invalid' };
  if (isZero(source)) return { kind: 'unused' };
  if (!magic.equals(source.subarray(0, magic.length))) return { kind: 'invalid' };
  if (source.readUInt32LE(8) !== checksum(source.subarray(checksumStart, sectorBytes)))
    return { kind: 'invalid' };
  const version = source.readUInt32LE(12);
  if (version !== logFormatVersion) return { kind: 'other-version', version };
  return { kind: 'valid', header: readValid(source) };
}
