import { crc32 } from 'node:zlib';
import type { Slot } from '../log/ids.js';
import type { DiskFile } from './disk.js';
import { orNoSpace, orStorageFailure } from './durable-steps.js';
import {
  beginsClosing,
  chunkHeaderBytes,
  chunkLimitBytes,
  closingBytes,
  count,
  decodeChunkHeader,
  decodeHeader,
  emptyTally,
  encodeChunkHeader,
  encodeClosing,
  encodeHeader,
  headerBytes,
  numberOf,
  snapshotDamage,
  throughOf,
  type ChunkHeader,
} from './snapshot-format.js';

/** Writes a snapshot into an empty file, from its first byte to its last. One call at a time. */
export class SnapshotStream {
  private offset = 0;
  private tally = emptyTally;

  constructor(
    private readonly file: DiskFile,
    private readonly name: string,
  ) {}

  /** Bytes written so far. */
  get bytes(): number {
    return this.offset;
  }

  async begin(through: Slot | undefined): Promise<void> {
    await this.put(encodeHeader(numberOf(through)));
  }

  async chunk(content: Uint8Array): Promise<void> {
    if (content.length < 1 || content.length > chunkLimitBytes) {
      throw new RangeError(`a chunk has 1 to ${chunkLimitBytes} bytes, not ${content.length}`);
    }
    const header: ChunkHeader = {
      length: content.length,
      number: this.tally.chunks,
      contentCrc: crc32(content),
    };
    await this.put(Buffer.concat([encodeChunkHeader(header), content]));
    this.tally = count(this.tally, header);
  }

  /** Writes the end and syncs. @throws StorageFailure if the sync fails, which is final */
  async close(): Promise<void> {
    await this.put(encodeClosing(this.tally));
    await orStorageFailure(`the sync of ${this.name}`, () => this.file.datasync());
  }

  private async put(bytes: Uint8Array): Promise<void> {
    await orNoSpace(`a write to ${this.name}`, () => this.file.write(this.offset, bytes));
    this.offset += bytes.length;
  }
}

/** Reads a file from front to back in large pieces. */
class PieceReader {
  private static readonly pieceBytes = 512 * 1024;
  private piece: Uint8Array = new Uint8Array(0);
  offset = 0;

  constructor(
    private readonly file: DiskFile,
    private readonly name: string,
  ) {}

  /** The next `length` bytes, not consumed yet. @throws StorageDamage if the file ends before */
  async peek(length: number, what: string): Promise<Uint8Array> {
    if (this.piece.length < length) {
      this.piece = await this.file.read(this.offset, Math.max(length, PieceReader.pieceBytes));
    }
    if (this.piece.length < length) {
      const end = this.offset + this.piece.length;
      throw snapshotDamage(this.name, end, `the file ends here, before the end of ${what}`);
    }
    return this.piece.subarray(0, length);
  }

  skip(length: number): void {
    this.piece = this.piece.subarray(length);
    this.offset += length;
  }

  async take(length: number, what: string): Promise<Uint8Array> {
    const bytes = await this.peek(length, what);
    this.skip(length);
    return bytes;
  }

  async rest(): Promise<number> {
    return (await this.file.size()) - this.offset;
  }
}

export interface SnapshotContent {
  /** The last slot it covers; `undefined` is none. */
  readonly through: Slot | undefined;
  /**
   * The chunks, to be gone through once while the file is open. Only when the last one is followed by the end of the
   * iteration has the whole file been checked; before that nothing of it may be relied upon. Throws StorageDamage.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Reads a snapshot of whatever file, which `name` tells in messages. @throws StorageDamage */
export async function readSnapshotFrom(file: DiskFile, name: string): Promise<SnapshotContent> {
  const reader = new PieceReader(file, name);
  const number = decodeHeader(await reader.take(headerBytes, 'the header'), name);
  return { through: throughOf(number), chunks: chunksOf(reader, name) };
}

async function* chunksOf(reader: PieceReader, name: string): AsyncGenerator<Uint8Array, void> {
  let tally = emptyTally;
  for (;;) {
    const what = `chunk ${tally.chunks} or the closing`;
    const start = await reader.peek(chunkHeaderBytes, what);
    if (beginsClosing(start)) break;
    const offset = reader.offset;
    const header = decodeChunkHeader(start);
    if (header === undefined)
      throw snapshotDamage(name, offset, `the checksum of the header of ${what} is wrong`);
    checkHeader(header, tally.chunks, name, offset);
    reader.skip(chunkHeaderBytes);
    const content = await reader.take(header.length, `chunk ${header.number}`);
    if (crc32(content) !== header.contentCrc) {
      throw snapshotDamage(name, offset, `the checksum of chunk ${header.number} is wrong`);
    }
    tally = count(tally, header);
    yield content;
  }
  const offset = reader.offset;
  const closing = await reader.take(closingBytes, 'the closing');
  if (Buffer.compare(closing, encodeClosing(tally)) !== 0) {
    const problem = `the closing does not match the ${tally.chunks} chunks (${tally.contentBytes} bytes) before it`;
    throw snapshotDamage(name, offset, problem);
  }
  const rest = await reader.rest();
  if (rest > 0) throw snapshotDamage(name, reader.offset, `${rest} bytes follow the closing`);
}

function checkHeader({ length, number }: ChunkHeader, expected: number, name: string, offset: number): void {
  if (number !== expected) {
    throw snapshotDamage(name, offset, `here is chunk ${number} where chunk ${expected} belongs`);
  }
  if (length > chunkLimitBytes) {
    throw snapshotDamage(
      name,
      offset,
      `chunk ${number} has ${length} bytes; the limit is ${chunkLimitBytes}`,
    );
  }
}
