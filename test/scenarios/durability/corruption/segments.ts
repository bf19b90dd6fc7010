import { directorySeed, sectorBytes } from '../../../../src/storage/bytes.js';
import { frameBytes, readFrameHeader } from '../../../../src/storage/frame.js';
import { readSegmentHeader, type SegmentHeader } from '../../../../src/storage/segment-header.js';
import { segmentNumber } from '../../../../src/storage/segment-names.js';
import type { Image } from './image-disk.js';

/** Where a frame stands in its segment. */
export interface FramePlace {
  readonly lsn: number;
  readonly offset: number;
  readonly length: number;
  readonly payloadBytes: number;
}

export interface SegmentPlace {
  readonly name: string;
  readonly header: SegmentHeader;
  readonly frames: readonly FramePlace[];
  /** Where the last frame ends. */
  readonly end: number;
}

/** The segments in use of an undamaged directory, and their frames. */
export function segmentsOf(image: Image): readonly SegmentPlace[] {
  const names = [...image.keys()].filter((name) => segmentNumber(name) !== undefined).sort();
  return names.flatMap((name) => {
    const bytes = image.get(name)!;
    const found = readSegmentHeader(bytes.subarray(0, sectorBytes));
    return found.kind === 'valid' ? [placeOf(name, bytes, found.header)] : [];
  });
}

function placeOf(name: string, bytes: Uint8Array, header: SegmentHeader): SegmentPlace {
  const seed = directorySeed(header.directoryId);
  const frames: FramePlace[] = [];
  let offset = sectorBytes;
  for (;;) {
    const frame = readFrameHeader(bytes.subarray(offset, offset + sectorBytes), seed);
    if (frame === undefined) return { name, header, frames, end: offset };
    const length = frameBytes(frame.payloadBytes);
    frames.push({ lsn: frame.lsn, offset, length, payloadBytes: frame.payloadBytes });
    offset += length;
  }
}
