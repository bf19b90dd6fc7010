import { readUint64, writeUint64 } from './bytes.js';
import { recordKinds, type LogRecord, type RecordKind } from './log-record.js';

/** Bytes of a record before its payload: kind, group, slot, round, replica, payload length. */
export const recordHeaderBytes = 36;

const isRecordKind = (name: string): name is RecordKind => name in recordKinds;
const kindOfNumber = new Map<number, RecordKind>();
for (const [name, number] of Object.entries(recordKinds))
  if (isRecordKind(name)) kindOfNumber.set(number, name);
const highestKind = Math.max(...kindOfNumber.keys());

/** Bytes whose checksum is right do not make records: they were written by another version, or by a bug. */
export class RecordFormatError extends Error {
  constructor(
    message: string,
    /** The kind is unknown, so another version wrote it. */
    readonly newer: boolean,
  ) {
    super(message);
    this.name = 'RecordFormatError';
  }
}

/** What `record` takes in a frame, in bytes. */
export const recordBytes = (record: LogRecord): number => recordHeaderBytes + record.payload.length;

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/**
 * Holds a record to what its fields in a frame can hold.
 * @throws RangeError for a field that is no whole number from 0, or a kind that only the log itself writes
 */
export function checkRecord(record: LogRecord): void {
  if (record.kind === 'begin' || record.kind === 'end') {
    throw new RangeError(`a record of kind "${record.kind}" is written by the log itself only`);
  }
  if (!isWhole(record.group) || record.group >= 2 ** 32) {
    throw new RangeError(`group ${record.group} of a record is not a whole number from 0 to 2^32 − 1`);
  }
  if (isWhole(record.slot) && isWhole(record.round) && isWhole(record.replica)) return;
  throw new RangeError(
    `slot ${record.slot}, round ${record.round}, replica ${record.replica} of a record are not all whole numbers ` +
      'from 0 to 2^53 − 1',
  );
}

/** Writes `record` at `offset` and returns the offset behind it. */
export function writeRecord(target: Buffer, record: LogRecord, offset: number): number {
  target.writeUInt32LE(recordKinds[record.kind], offset);
  target.writeUInt32LE(record.group, offset + 4);
  writeUint64(target, record.slot, offset + 8);
  writeUint64(target, record.round, offset + 16);
  writeUint64(target, record.replica, offset + 24);
  target.writeUInt32LE(record.payload.length, offset + 32);
  target.set(record.payload, offset + recordHeaderBytes);
  return offset + recordHeaderBytes + record.payload.length;
}

function readKind(source: Buffer, offset: number): RecordKind {
  const number = source.readUInt32LE(offset);
  const kind = kindOfNumber.get(number);
  if (kind === undefined) {
    throw new RecordFormatError(`record kind ${number} is unknown; known are 1 to ${highestKind}`, true);
  }
  return kind;
}

/**
 * The records of a frame's payload. Their payloads are copies, so that they do not keep all that was read in memory.
 * @throws RecordFormatError
 */
export function readRecords(source: Buffer): LogRecord[] {
  const records: LogRecord[] = [];
  for (let offset = 0; offset < source.length;) {
    if (source.length - offset < recordHeaderBytes) {
      throw new RecordFormatError(`a record ends after ${source.length - offset} bytes`, false);
    }
    const payloadStart = offset + recordHeaderBytes;
    const end = payloadStart + source.readUInt32LE(offset + 32);
    const kind = readKind(source, offset);
    if (end > source.length) {
      throw new RecordFormatError(`a record of ${end - offset} bytes reaches past its frame`, false);
    }
    records.push({
      kind,
      group: source.readUInt32LE(offset + 4),
      slot: readUint64(source, offset + 8),
      round: readUint64(source, offset + 16),
      replica: readUint64(source, offset + 24),
      payload: new Uint8Array(source.subarray(payloadStart, end)),
    });
    offset = end;
  }
  return records;
}
