import { isZero, sectorBytes, zeroSectorsIn } from './bytes.js';
import { StorageDamage } from './errors.js';
import { frameBytes, readFrameHeader, readPayload, type FrameHeader } from './frame.js';

/** A frame as found in a segment. */
export interface ScannedFrame {
  readonly header: FrameHeader;
  /** Where it begins and what it takes, in bytes. */
  readonly offset: number;
  readonly length: number;
  /** Its records' bytes; undefined if they are damaged, while its header is not. */
  readonly payload: Buffer | undefined;
}

/** The frames of one segment. */
export interface SegmentScan {
  readonly frames: readonly ScannedFrame[];
  /** Where the last of them ends. */
  readonly end: number;
}

/** A segment's bytes and what its header says of its first frame. */
export interface SegmentBytes {
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Of this directory's checksums. */
  readonly seed: number;
  readonly firstLsn: number;
  readonly previousChecksum: number;
  /** Where the next segment says that this one validly ends; undefined in the last one. */
  readonly end: number | undefined;
}

/** What may stand where a frame is due. */
type Found =
  | { readonly kind: 'frame'; readonly frame: ScannedFrame }
  | { readonly kind: 'end' }
  /** The last write did not get whole onto the disk: cut. */
  | { readonly kind: 'torn' };

class SegmentScanner {
  readonly #segment: SegmentBytes;
  readonly #limit: number;
  readonly #frames: ScannedFrame[] = [];
  #offset = sectorBytes;

  constructor(segment: SegmentBytes) {
    this.#segment = segment;
    this.#limit = segment.end ?? segment.bytes.length;
  }

  scan(): SegmentScan {
    while (this.#offset < this.#limit) {
      const found = this.#next();
      if (found.kind !== 'frame') break;
      this.#frames.push(found.frame);
      this.#offset += found.frame.length;
    }
    return { frames: this.#frames, end: this.#offset };
  }

  #next(): Found {
    const { bytes, seed, end } = this.#segment;
    const sector = bytes.subarray(this.#offset, this.#offset + sectorBytes);
    const header = readFrameHeader(sector, seed);
    if (header === undefined) {
      if (end === undefined && isZero(sector)) return this.#endOfLog();
      throw this.#damage('stands neither a frame nor the end of the log');
    }
    this.#checkPlace(header);
    const length = frameBytes(header.payloadBytes);
    if (this.#offset + length > this.#limit) {
      throw this.#damage(
        `begins a frame of ${length} bytes that reaches past the ${this.#limit} bytes in use`,
      );
    }
    const payload = readPayload(bytes.subarray(this.#offset, this.#offset + length), header, seed);
    const frame: ScannedFrame = { header, offset: this.#offset, length, payload };
    if (payload === undefined && end === undefined && !this.#isFollowed(frame)) return this.#judgeLast(frame);
    return { kind: 'frame', frame };
  }

  /** LSN and checksum chain: a frame that was lost, doubled or written elsewhere does not fit. */
  #checkPlace(header: FrameHeader): void {
    const expected = this.#expectedLsn();
    const previous = this.#frames.at(-1)?.header.checksum ?? this.#segment.previousChecksum;
    if (header.lsn !== expected)
      throw this.#damage(`stands frame ${header.lsn} where frame ${expected} belongs`);
    if (header.previousChecksum !== previous) {
      throw this.#damage(`stands frame ${header.lsn}, which does not follow the frame before it`);
    }
  }

  #expectedLsn(): number {
    return (this.#frames.at(-1)?.header.lsn ?? this.#segment.firstLsn - 1) + 1;
  }

  #isFollowed({ header, offset, length }: ScannedFrame): boolean {
    const behind = this.#segment.bytes.subarray(offset + length, offset + length + sectorBytes);
    const next = readFrameHeader(behind, this.#segment.seed);
    return next?.lsn === header.lsn + 1 && next.previousChecksum === header.checksum;
  }

  /** Nothing begins here. What stands behind is what a torn write left, unless it is a frame: that would be one too many. */
  #endOfLog(): Found {
    const behind = this.#offset + sectorBytes;
    if (isZero(this.#segment.bytes.subarray(behind))) return { kind: 'end' };
    this.#refuseFrameFrom(behind, this.#expectedLsn());
    return { kind: 'torn' };
  }

  /** An invalid frame with nothing after it: torn if sectors that it wrote read as zero, else damaged (rule R6). */
  #judgeLast({ header, offset, length }: ScannedFrame): Found {
    const { bytes } = this.#segment;
    this.#refuseFrameFrom(offset + sectorBytes, header.lsn);
    if (!isZero(bytes.subarray(offset + length))) {
      throw this.#damage(`is frame ${header.lsn} damaged, and behind it stands something that is not zero`);
    }
    if (zeroSectorsIn(bytes.subarray(offset, offset + length)) > header.zeroSectors) return { kind: 'torn' };
    throw this.#damage(
      `is frame ${header.lsn} damaged; it is the last one, and no write that a crash cut short looks like this`,
    );
  }

  /** A valid frame after an invalid one is damage: it was written only after the sync of the one before it. */
  #refuseFrameFrom(from: number, lsn: number): void {
    const { bytes, seed } = this.#segment;
    for (let offset = from; offset < bytes.length; offset += sectorBytes) {
      const header = readFrameHeader(bytes.subarray(offset, offset + sectorBytes), seed);
      if (header !== undefined && header.lsn >= lsn) {
        throw this.#damage(`is no valid frame, but frame ${header.lsn} follows at offset ${offset}`);
      }
    }
  }

  #damage(problem: string): StorageDamage {
    return new StorageDamage(this.#segment.file, `at offset ${this.#offset} ${problem}`);
  }
}

/**
 * Finds the frames of a segment. Those of a segment before the last must fill it exactly to `end`; behind the last
 * frame of the last one may stand what a write left that a crash cut short, and it is cut (rule R6).
 * @throws StorageDamage for anything else
 */
export const scanSegment = (segment: SegmentBytes): SegmentScan => new SegmentScanner(segment).scan();
