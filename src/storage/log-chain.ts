import { directorySeed, isZero, sectorBytes } from './bytes.js';
import type { Disk } from './disk.js';
import { StorageDamage } from './errors.js';
import type { LogSettings } from './log-options.js';
import { logFormatVersion, readSegmentHeader, type SegmentHeader } from './segment-header.js';
import { usingFile } from './segment-maker.js';
import { segmentName, segmentNumber } from './segment-names.js';
import { scanSegment, type SegmentScan } from './segment-scan.js';

/** A segment that is part of the log. */
export interface ChainSegment {
  readonly header: SegmentHeader;
  readonly scan: SegmentScan;
}

/** The segments of a log, each going on where the one before it validly ends. */
export interface LogChain {
  readonly segments: readonly ChainSegment[];
  readonly last: ChainSegment;
  /** All bytes of the last one. */
  readonly lastBytes: Uint8Array;
  readonly firstSegment: number;
  /** Name of the segment claimed ahead, if there is one. */
  readonly spare: string | undefined;
  /** Segments below the lowest, which a crash kept from being removed. */
  readonly dropped: readonly number[];
  /** The same for segments that a later one repeats whole. */
  readonly repeated: readonly number[];
}

/** A file with a segment's name; without a header if it was never used. */
interface SegmentFile {
  readonly number: number;
  readonly name: string;
  readonly bytes: number;
  readonly sector: Uint8Array;
}

async function segmentFiles(disk: Disk): Promise<SegmentFile[]> {
  const files: SegmentFile[] = [];
  for (const name of await disk.list()) {
    const number = segmentNumber(name);
    if (number === undefined) continue;
    const [bytes, sector] = await usingFile(disk, name, async (file) => [
      await file.size(),
      await file.read(0, sectorBytes),
    ]);
    files.push({ number, name, bytes, sector });
  }
  return files;
}

const isUnused = ({ sector }: SegmentFile): boolean => readSegmentHeader(sector).kind === 'unused';

const readAll = (disk: Disk, { name, bytes }: SegmentFile): Promise<Uint8Array> =>
  usingFile(disk, name, (file) => file.read(0, bytes));

/** @throws StorageDamage unless the file begins with a valid header and has the size it names */
function headerOf({ name, number, bytes, sector }: SegmentFile): SegmentHeader {
  const found = readSegmentHeader(sector);
  switch (found.kind) {
    case 'unused':
      throw new StorageDamage(name, 'its header is all zero, but later segments are in use');
    case 'invalid':
      throw new StorageDamage(name, 'at offset 0 stands neither a valid header nor zeros');
    case 'other-version':
      throw new StorageDamage(
        name,
        `it has format version ${found.version}; known is ${logFormatVersion}`,
        'Start it with the version of Synod that wrote it',
      );
    case 'valid':
      break;
  }
  const { header } = found;
  if (header.number !== number) throw new StorageDamage(name, `it is segment ${header.number} by its header`);
  if (header.segmentBytes !== bytes) {
    throw new StorageDamage(name, `it is ${bytes} bytes long, but ${header.segmentBytes} by its header`);
  }
  return header;
}

class ChainReader {
  readonly #settings: LogSettings;
  readonly #files: readonly SegmentFile[];
  readonly #byNumber: ReadonlyMap<number, SegmentFile>;

  constructor(settings: LogSettings, files: readonly SegmentFile[]) {
    this.#settings = settings;
    this.#files = files;
    this.#byNumber = new Map(files.map((file) => [file.number, file]));
  }

  async read(): Promise<LogChain> {
    const lastFile = this.#files.findLast((file) => !isUnused(file));
    if (lastFile === undefined) throw new StorageDamage(segmentName(1), 'there is no segment in use');
    const { header, bytes, scan } = await this.#segment(lastFile, undefined);
    const spare = await this.#spare(lastFile);
    const last = { header, scan };
    const firstSegment = scan.frames.at(-1)?.header.firstSegment ?? header.firstSegment;
    const segments = [last];
    for (let [first] = segments; first !== undefined;) {
      const earlier = await this.#before(first, firstSegment);
      if (earlier === undefined) break;
      segments.unshift(earlier);
      first = earlier;
    }
    const others = this.#leftovers(segments, firstSegment);
    const dropped = others.filter((number) => number < firstSegment);
    const repeated = others.filter((number) => number >= firstSegment);
    return { segments, last, lastBytes: bytes, firstSegment, spare, dropped, repeated };
  }

  /** The segment claimed ahead: all zero, of a segment's size, and right behind the last one. */
  async #spare(last: SegmentFile): Promise<string | undefined> {
    const [spare, second] = this.#files.filter(({ number }) => number > last.number);
    if (spare === undefined) return undefined;
    if (spare.number !== last.number + 1 || second !== undefined) {
      throw new StorageDamage(
        spare.name,
        `it is claimed ahead, but the last segment in use is ${last.number}`,
      );
    }
    if (spare.bytes !== last.bytes) {
      throw new StorageDamage(spare.name, `it is ${spare.bytes} bytes long instead of ${last.bytes}`);
    }
    if (!isZero(await readAll(this.#settings.disk, spare))) {
      throw new StorageDamage(spare.name, 'its header is all zero, but what follows is not');
    }
    return spare.name;
  }

  async #segment(
    file: SegmentFile,
    end: number | undefined,
  ): Promise<ChainSegment & { readonly bytes: Uint8Array }> {
    const header = headerOf(file);
    this.#checkIdentity(file.name, header);
    const bytes = await readAll(this.#settings.disk, file);
    const { firstLsn, previousChecksum } = header;
    const seed = directorySeed(this.#settings.directoryId);
    return {
      header,
      bytes,
      scan: scanSegment({ file: file.name, bytes, seed, firstLsn, previousChecksum, end }),
    };
  }

  #checkIdentity(name: string, header: SegmentHeader): void {
    const { clusterId, directoryId } = this.#settings;
    if (header.clusterId === clusterId && header.directoryId === directoryId) return;
    throw new StorageDamage(
      name,
      `it is of directory ${header.directoryId} of cluster ${header.clusterId}, ` +
        `not of directory ${directoryId} of cluster ${clusterId}`,
      'Put each file back into the directory that it came from',
    );
  }

  /** The segment that `later` goes on from, or undefined if `later` is the log's first. */
  async #before({ header }: ChainSegment, firstSegment: number): Promise<ChainSegment | undefined> {
    const { predecessor } = header;
    if (predecessor === undefined || predecessor.number < firstSegment) return undefined;
    const file = this.#byNumber.get(predecessor.number);
    if (file === undefined) {
      const missing = segmentName(predecessor.number);
      throw new StorageDamage(missing, `it is missing, and ${segmentName(header.number)} goes on from it`);
    }
    const { scan, header: earlier } = await this.#segment(file, predecessor.end);
    const last = scan.frames.at(-1)?.header;
    const lastLsn = last?.lsn ?? earlier.firstLsn - 1;
    const checksum = last?.checksum ?? earlier.previousChecksum;
    if (lastLsn !== header.firstLsn - 1 || checksum !== header.previousChecksum) {
      throw new StorageDamage(
        file.name,
        `it ends with frame ${lastLsn}, and ${segmentName(header.number)} does not go on from that`,
      );
    }
    return { header: earlier, scan };
  }

  /** Segments dropped from the log, or repeated whole by a later one, that are still there. */
  #leftovers(segments: readonly ChainSegment[], firstSegment: number): number[] {
    const inChain = new Set(segments.map(({ header }) => header.number));
    const last = segments.at(-1)?.header.number ?? 0;
    const others = this.#files.filter(({ number }) => number < last && !inChain.has(number));
    for (const file of others) {
      if (file.number >= firstSegment && !this.#isRepeated(file, segments)) {
        throw new StorageDamage(file.name, 'no later segment goes on from it, and none repeats it');
      }
    }
    return others.map(({ number }) => number);
  }

  #isRepeated(file: SegmentFile, segments: readonly ChainSegment[]): boolean {
    const { firstLsn, previousChecksum, predecessor } = headerOf(file);
    return segments.some(
      ({ header }) =>
        header.number > file.number &&
        header.firstLsn === firstLsn &&
        header.previousChecksum === previousChecksum &&
        header.predecessor?.number === predecessor?.number &&
        header.predecessor?.end === predecessor?.end,
    );
  }
}

/**
 * Finds the segments of the log and the frames in them.
 * @throws StorageDamage if one is missing, damaged, of another directory, or does not go on from the one before it
 */
export async function readChain(settings: LogSettings): Promise<LogChain> {
  return new ChainReader(settings, await segmentFiles(settings.disk)).read();
}
