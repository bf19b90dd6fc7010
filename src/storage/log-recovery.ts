import type { Slot } from '../log/ids.js';
import { sectorBytes } from './bytes.js';
import { StorageDamage } from './errors.js';
import type { FrameHeader } from './frame.js';
import { initialHardState, type HardState } from './hard-state.js';
import { readChain, type ChainSegment, type LogChain } from './log-chain.js';
import type { LogSettings } from './log-options.js';
import type { LogRecord } from './log-record.js';
import { highestHeld, type KeptSegment, type TailStart } from './log-tail.js';
import { makeFreshSegment, recycleAsReserve, removeTemporaries } from './fresh-segment.js';
import { readRecords, RecordFormatError } from './record-codec.js';
import type { SegmentHeader } from './segment-header.js';
import { directorySynced, usingFile } from './segment-maker.js';
import { isReserve, segmentName, segmentNumber } from './segment-names.js';
import type { ScannedFrame } from './segment-scan.js';
import { Transactions } from './transactions.js';

/** What a directory's log held. */
export interface RecoveredLog {
  /** Every record of every intact frame, in order. */
  readonly records: readonly LogRecord[];
  readonly hardState: HardState;
  readonly lastLsn: number;
  /** How often this directory has been started, this time included. */
  readonly bootCounter: number;
  /**
   * The slots that damaged frames touched: until all of them are learned as decided or covered by a snapshot, nothing
   * may be promised or voted at or below `lastSlot` (rule R6).
   */
  readonly damage: { readonly firstSlot: Slot; readonly lastSlot: Slot } | undefined;
}

/** A log ready to go on. */
export interface OpenedLog {
  readonly settings: LogSettings;
  readonly start: TailStart;
  readonly recovered: RecoveredLog;
  /** Numbers of the files of the reserve. */
  readonly reserve: readonly number[];
}

/** The last frame of the last segment. */
interface LastFrame {
  readonly frame: ScannedFrame;
  readonly hardStateBefore: HardState;
}

const otherVersionRemedy = 'Start it with the version of Synod that wrote it';

/** Reads the records of a log frame by frame. */
class LogReader {
  readonly records: LogRecord[] = [];
  readonly kept: KeptSegment[] = [];
  readonly #transactions = new Transactions();
  damage: { firstSlot: Slot; lastSlot: Slot } | undefined;
  last: LastFrame | undefined;
  hardState: HardState = initialHardState;

  segment(segment: ChainSegment): void {
    const file = segmentName(segment.header.number);
    let highestSlot: Slot = -1;
    this.hardState = segment.header.hardState;
    this.last = undefined;
    for (const frame of segment.scan.frames) {
      const records = this.#frame(file, frame);
      highestSlot = highestHeld(records, Math.max(highestSlot, frame.payload ? -1 : this.#slots(frame)));
      this.last = { frame, hardStateBefore: this.hardState };
      this.hardState = frame.header.hardState;
    }
    this.kept.push({ number: segment.header.number, highestSlot });
  }

  #slots({ header }: ScannedFrame): Slot {
    return header.slots?.lastSlot ?? -1;
  }

  #frame(file: string, { header, offset, payload }: ScannedFrame): readonly LogRecord[] {
    if (payload === undefined) {
      this.#damaged(file, header, offset);
      return [];
    }
    try {
      const records = readRecords(payload);
      for (const record of this.#transactions.complete(records, header.continues)) this.records.push(record);
      return records;
    } catch (error) {
      if (!(error instanceof RecordFormatError)) throw error;
      const problem = `frame ${header.lsn} at offset ${offset}: ${error.message}`;
      throw error.newer
        ? new StorageDamage(file, problem, otherVersionRemedy)
        : new StorageDamage(file, problem);
    }
  }

  /** Others can make good what the frame held, if its header bounds that (rule R6). */
  #damaged(file: string, { lsn, slots, irreparable }: FrameHeader, offset: number): void {
    if (irreparable || slots === undefined) {
      const why = irreparable
        ? 'records that nothing makes good'
        : 'no slots that would bound what is missing';
      throw new StorageDamage(
        file,
        `frame ${lsn} at offset ${offset} is damaged, and its header names ${why}`,
      );
    }
    this.damage = {
      firstSlot: Math.min(this.damage?.firstSlot ?? slots.firstSlot, slots.firstSlot),
      lastSlot: Math.max(this.damage?.lastSlot ?? slots.lastSlot, slots.lastSlot),
    };
  }
}

/** No valid frame after a damaged one: what the hard state came to is not known (rule R6). */
function checkLastFrame(segments: readonly ChainSegment[]): void {
  for (const { header, scan } of [...segments].reverse()) {
    const last = scan.frames.at(-1);
    if (last === undefined) continue;
    if (last.payload !== undefined) return;
    throw new StorageDamage(
      segmentName(header.number),
      `frame ${last.header.lsn} at offset ${last.offset} is damaged, and no frame follows it`,
    );
  }
}

/**
 * From where the fresh segment repeats the last one: all of it while that is short, so that restarts alone do not make
 * the log grow; else the last frame.
 */
function copyStart(last: ChainSegment, lastFrame: ScannedFrame | undefined, segmentBytes: number): number {
  if (lastFrame === undefined || last.scan.end - sectorBytes <= segmentBytes / 2) return sectorBytes;
  return lastFrame.offset;
}

/** The header of the segment that goes on at offset `start` of the last one. */
function freshHeader(
  { clusterId, directoryId }: LogSettings,
  { last: { header }, firstSegment }: LogChain,
  last: LastFrame | undefined,
  start: number,
): SegmentHeader {
  const { segmentBytes } = header;
  const number = header.number + 1;
  const bootCounter = header.bootCounter + 1;
  const common = { clusterId, directoryId, segmentBytes, number, bootCounter, firstSegment };
  if (last === undefined || start === sectorBytes) {
    const { firstLsn, previousChecksum, hardState, predecessor } = header;
    return { ...common, firstLsn, previousChecksum, hardState, predecessor };
  }
  return {
    ...common,
    firstLsn: last.frame.header.lsn,
    previousChecksum: last.frame.header.previousChecksum,
    hardState: last.hardStateBefore,
    predecessor: { number: header.number, end: start },
  };
}

/** Numbers of the reserve's files; one of another size does not count. */
async function reserveNumbers({ disk, segmentBytes }: LogSettings): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of (await disk.list()).filter(isReserve)) {
    const bytes = await usingFile(disk, name, (file) => file.size());
    if (bytes === segmentBytes) numbers.push(Number(name.slice('reserve-'.length)));
  }
  return numbers;
}

async function removeSegments(settings: LogSettings, numbers: readonly number[]): Promise<void> {
  if (numbers.length === 0) return;
  // Whatever name stands for the reason why they may go must be durable before they do.
  await directorySynced(settings.disk);
  for (const number of numbers) await recycleAsReserve(settings, segmentName(number));
  await directorySynced(settings.disk);
}

/** @throws StorageDamage */
export async function recoverLog(options: LogSettings): Promise<OpenedLog> {
  const { disk } = options;
  await removeTemporaries(disk);
  const chain = await readChain(options);
  const settings = { ...options, segmentBytes: chain.last.header.segmentBytes };
  checkLastFrame(chain.segments);
  const reader = new LogReader();
  for (const segment of chain.segments) reader.segment(segment);
  const start = copyStart(chain.last, reader.last?.frame, settings.segmentBytes);
  const header = freshHeader(settings, chain, reader.last, start);
  const frames = chain.lastBytes.subarray(start, chain.last.scan.end);
  // A segment has its name only once what it repeats is synced, so these can make room on a full disk. What the last
  // frame says is dropped has to wait: that frame may not be durable yet.
  await removeSegments(settings, chain.repeated);
  await makeFreshSegment(settings, header, frames, chain.spare);
  const superseded = start === sectorBytes ? [chain.last.header.number] : [];
  await removeSegments(settings, [...chain.dropped, ...superseded]);
  const lastFrame = chain.segments.flatMap(({ scan }) => scan.frames).at(-1);
  const lastLsn = lastFrame?.header.lsn ?? header.firstLsn - 1;
  const sealed = superseded.length > 0 ? reader.kept.slice(0, -1) : reader.kept;
  return {
    settings,
    start: {
      active: { number: header.number, highestSlot: reader.kept.at(-1)?.highestSlot ?? -1 },
      offset: sectorBytes + frames.length,
      sealed,
      lastLsn,
      lastChecksum: lastFrame?.header.checksum ?? header.previousChecksum,
      hardState: reader.hardState,
      firstSegment: chain.firstSegment,
      bootCounter: header.bootCounter,
    },
    recovered: {
      records: reader.records,
      hardState: reader.hardState,
      lastLsn,
      bootCounter: header.bootCounter,
      damage: reader.damage,
    },
    reserve: await reserveNumbers(settings),
  };
}

/** @throws StorageDamage if a log with frames is there already */
export async function createLog(settings: LogSettings): Promise<OpenedLog> {
  const { disk, clusterId, directoryId, segmentBytes } = settings;
  await removeTemporaries(disk);
  const old = (await disk.list()).filter((name) => segmentNumber(name) !== undefined);
  if (old.length > 0) throw new StorageDamage(old[0] ?? '', 'a log is there already');
  const header: SegmentHeader = {
    clusterId,
    directoryId,
    segmentBytes,
    number: 1,
    bootCounter: 1,
    firstLsn: 1,
    previousChecksum: 0,
    hardState: initialHardState,
    firstSegment: 1,
    predecessor: undefined,
  };
  await makeFreshSegment(settings, header, new Uint8Array(0), undefined);
  return {
    settings,
    start: {
      active: { number: 1, highestSlot: -1 },
      offset: sectorBytes,
      sealed: [],
      lastLsn: 0,
      lastChecksum: 0,
      hardState: initialHardState,
      firstSegment: 1,
      bootCounter: 1,
    },
    recovered: { records: [], hardState: initialHardState, lastLsn: 0, bootCounter: 1, damage: undefined },
    reserve: [],
  };
}
