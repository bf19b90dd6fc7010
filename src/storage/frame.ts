import type { Slot } from '../log/ids.js';
import { bufferOver, checksum, readUint64, wholeSectors, writeUint64, zeroSectorsIn } from './bytes.js';
import { hardStateBytes, readHardState, writeHardState } from './hard-state-codec.js';
import type { HardState } from './hard-state.js';
import { namesSlot, type LogRecord, type RecordKind } from './log-record.js';
import { recordBytes, writeRecord } from './record-codec.js';

/** Bytes of a frame before its records. */
export const frameHeaderBytes = 128;

const magic = 0x464e5953;
const checksumStart = 8;
const hardStateOffset = 60;
const flagNamesSlots = 1;
const flagIrreparable = 2;
const flagContinues = 4;

/** The slots that a frame's records say something of. */
export interface SlotRange {
  readonly firstSlot: Slot;
  readonly lastSlot: Slot;
}

/** What the first sector of a frame says of it (rule R6). */
export interface FrameHeader {
  /** The frame's number in the log, from 1. */
  readonly lsn: number;
  readonly payloadBytes: number;
  readonly payloadChecksum: number;
  /** The header's own checksum; the next frame repeats it. */
  readonly checksum: number;
  readonly previousChecksum: number;
  /** How many of the frame's sectors are all zero by their own content, and so no sign of a torn write. */
  readonly zeroSectors: number;
  readonly slots: SlotRange | undefined;
  /** It holds a record whose loss nothing makes good; should the frame be damaged, the replica does not start. */
  readonly irreparable: boolean;
  /** Its first record belongs to a transaction that began in an earlier frame. */
  readonly continues: boolean;
  /** Number of the lowest segment that is part of the log. */
  readonly firstSegment: number;
  /** The hard state after this frame. */
  readonly hardState: HardState;
}

/** What a frame is made of. */
export interface FrameContent {
  readonly lsn: number;
  readonly previousChecksum: number;
  readonly continues: boolean;
  readonly firstSegment: number;
  readonly hardState: HardState;
  readonly records: readonly LogRecord[];
}

/** Kinds that neither the other replicas nor a later hard state can make good. */
const isIrreparable = (kind: RecordKind): boolean =>
  kind === 'range-promise' ||
  kind === 'truncate' ||
  kind === 'hard' ||
  kind === 'pin' ||
  kind === 'begin' ||
  kind === 'end';

/** What a frame with `payloadBytes` of records takes on disk. */
export const frameBytes = (payloadBytes: number): number => wholeSectors(frameHeaderBytes + payloadBytes);

function slotsOf(records: readonly LogRecord[]): SlotRange | undefined {
  let firstSlot = Infinity;
  let lastSlot = -1;
  for (const { kind, slot } of records) {
    if (!namesSlot(kind)) continue;
    firstSlot = Math.min(firstSlot, slot);
    lastSlot = Math.max(lastSlot, slot);
  }
  return lastSlot < 0 ? undefined : { firstSlot, lastSlot };
}

function flagsOf(content: FrameContent, slots: SlotRange | undefined): number {
  return (
    (slots === undefined ? 0 : flagNamesSlots) |
    (content.records.some(({ kind }) => isIrreparable(kind)) ? flagIrreparable : 0) |
    (content.continues ? flagContinues : 0)
  );
}

/** Makes frames, all in one piece of memory: each is good only until the next one is made. */
export class FrameEncoder {
  #memory = Buffer.alloc(wholeSectors(64 * 1024));

  /** @param seed of this directory's checksums */
  constructor(private readonly seed: number) {}

  encode(content: FrameContent): { readonly bytes: Uint8Array; readonly checksum: number } {
    const payloadBytes = content.records.reduce((sum, record) => sum + recordBytes(record), 0);
    const length = frameBytes(payloadBytes);
    if (this.#memory.length < length) this.#memory = Buffer.alloc(2 ** Math.ceil(Math.log2(length)));
    const frame = this.#memory.subarray(0, length);
    let end = frameHeaderBytes;
    for (const record of content.records) end = writeRecord(frame, record, end);
    frame.fill(0, end);
    return { bytes: frame, checksum: this.#writeHeader(frame, content, end) };
  }

  #writeHeader(frame: Buffer, content: FrameContent, end: number): number {
    const slots = slotsOf(content.records);
    frame.fill(0, 0, frameHeaderBytes);
    frame.writeUInt32LE(magic, 0);
    writeUint64(frame, content.lsn, 8);
    frame.writeUInt32LE(end - frameHeaderBytes, 16);
    frame.writeUInt32LE(checksum(frame.subarray(frameHeaderBytes, end), this.seed), 20);
    frame.writeUInt32LE(content.previousChecksum, 24);
    frame.writeUInt32LE(zeroSectorsIn(frame), 28);
    writeUint64(frame, slots?.firstSlot ?? 0, 32);
    writeUint64(frame, slots?.lastSlot ?? 0, 40);
    writeUint64(frame, content.firstSegment, 48);
    frame.writeUInt32LE(flagsOf(content, slots), 56);
    writeHardState(frame, content.hardState, hardStateOffset);
    const own = checksum(frame.subarray(checksumStart, frameHeaderBytes), this.seed);
    frame.writeUInt32LE(own, 4);
    return own;
  }
}

/** The header of the frame that begins with `sector`, or undefined if none with a right checksum is there. */
export function readFrameHeader(sector: Uint8Array, seed: number): FrameHeader | undefined {
  const source = bufferOver(sector);
  if (source.length < frameHeaderBytes || source.readUInt32LE(0) !== magic) return undefined;
  const own = source.readUInt32LE(4);
  if (own !== checksum(source.subarray(checksumStart, frameHeaderBytes), seed)) return undefined;
  const flags = source.readUInt32LE(56);
  return {
    lsn: readUint64(source, 8),
    payloadBytes: source.readUInt32LE(16),
    payloadChecksum: source.readUInt32LE(20),
    checksum: own,
    previousChecksum: source.readUInt32LE(24),
    zeroSectors: source.readUInt32LE(28),
    slots:
      (flags & flagNamesSlots) === 0
        ? undefined
        : { firstSlot: readUint64(source, 32), lastSlot: readUint64(source, 40) },
    irreparable: (flags & flagIrreparable) !== 0,
    continues: (flags & flagContinues) !== 0,
    firstSegment: readUint64(source, 48),
    hardState: readHardState(source, hardStateOffset),
  };
}

/** The records' bytes of `frame`, whole as its header says, or undefined if their checksum is wrong. */
export function readPayload(frame: Uint8Array, header: FrameHeader, seed: number): Buffer | undefined {
  const payload = bufferOver(frame).subarray(frameHeaderBytes, frameHeaderBytes + header.payloadBytes);
  return checksum(payload, seed) === header.payloadChecksum ? payload : undefined;
}

if (hardStateOffset + hardStateBytes > frameHeaderBytes) throw new Error('the hard state outgrew its header');
