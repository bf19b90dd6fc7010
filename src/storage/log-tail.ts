import type { Slot } from '../log/ids.js';
import type { FrameDraft } from './append-queue.js';
import { directorySeed, sectorBytes } from './bytes.js';
import type { DiskFile } from './disk.js';
import { StorageFailure } from './errors.js';
import { FrameEncoder, frameHeaderBytes } from './frame.js';
import { foldHardState, type HardState } from './hard-state.js';
import type { LogSettings } from './log-options.js';
import type { LogRecord, RecordKind } from './log-record.js';
import { recordBytes } from './record-codec.js';
import { writeSegmentHeader } from './segment-header.js';
import { synced } from './segment-maker.js';
import { segmentName } from './segment-names.js';
import { Transactions } from './transactions.js';

/** A segment of the log and the highest slot whose vote, decision or truncation it holds; −1 is none. */
export interface KeptSegment {
  readonly number: number;
  readonly highestSlot: Slot;
}

/** Where the log goes on from. */
export interface TailStart {
  readonly active: KeptSegment;
  /** Where the next frame goes. */
  readonly offset: number;
  readonly sealed: readonly KeptSegment[];
  readonly lastLsn: number;
  readonly lastChecksum: number;
  readonly hardState: HardState;
  readonly firstSegment: number;
  readonly bootCounter: number;
}

/** Kinds that hold a segment until a snapshot covers their slot; promises are rewritten instead (rule R5). */
const holdsSegment = (kind: RecordKind): boolean =>
  kind === 'vote' || kind === 'decided' || kind === 'truncate';

/** The highest slot for which `records` hold their segment, or `highest` if that is higher. */
export function highestHeld(records: readonly LogRecord[], highest: Slot): Slot {
  return records.reduce((top, { kind, slot }) => (holdsSegment(kind) && slot > top ? slot : top), highest);
}

/** The end of the log: puts frame after frame into the active segment. One write at a time; after a failure, none. */
export class LogTail {
  readonly #settings: LogSettings;
  readonly #encoder: FrameEncoder;
  readonly #transactions = new Transactions();
  readonly #bootCounter: number;
  #file: DiskFile;
  #active: KeptSegment;
  #sealed: readonly KeptSegment[];
  #offset: number;
  #lastLsn: number;
  #lastChecksum: number;
  #hardState: HardState;
  #firstSegment: number;
  readonly stats = { frames: 0, records: 0, payloadBytes: 0 };

  private constructor(settings: LogSettings, start: TailStart, file: DiskFile) {
    this.#settings = settings;
    this.#encoder = new FrameEncoder(directorySeed(settings.directoryId));
    this.#bootCounter = start.bootCounter;
    this.#file = file;
    this.#active = start.active;
    this.#sealed = start.sealed;
    this.#offset = start.offset;
    this.#lastLsn = start.lastLsn;
    this.#lastChecksum = start.lastChecksum;
    this.#hardState = start.hardState;
    this.#firstSegment = start.firstSegment;
  }

  static async open(settings: LogSettings, start: TailStart): Promise<LogTail> {
    return new LogTail(settings, start, await settings.disk.open(segmentName(start.active.number)));
  }

  /** The most bytes of records that any frame of such a log can hold. */
  static payloadLimit({ segmentBytes, frameLimitBytes }: LogSettings): number {
    return Math.min(segmentBytes - sectorBytes, frameLimitBytes) - frameHeaderBytes;
  }

  /** The most bytes of records that the next frame can hold where it is to stand. */
  get room(): number {
    const left = this.#settings.segmentBytes - this.#offset - frameHeaderBytes;
    return Math.min(left, LogTail.payloadLimit(this.#settings));
  }

  /** LSN of the last synced frame; 0 is none. */
  get durableLsn(): number {
    return this.#lastLsn;
  }

  /** The hard state after the last synced frame. */
  get hardState(): HardState {
    return this.#hardState;
  }

  get bootCounter(): number {
    return this.#bootCounter;
  }

  get activeNumber(): number {
    return this.#active.number;
  }

  /** Every segment before the active one, oldest first. */
  get sealed(): readonly KeptSegment[] {
    return this.#sealed;
  }

  /** Writes and syncs one frame. */
  async write(draft: FrameDraft): Promise<void> {
    const { trace } = this.#settings;
    trace('frame-begun');
    const lsn = this.#lastLsn + 1;
    const firstSegment = draft.firstSegment ?? this.#firstSegment;
    const complete = this.#transactions.complete(draft.records, draft.continues);
    const hardState = complete.reduce(foldHardState, this.#hardState);
    const { records, continues } = draft;
    const { bytes, checksum } = this.#encoder.encode({
      lsn,
      previousChecksum: this.#lastChecksum,
      continues,
      firstSegment,
      hardState,
      records,
    });
    await this.#put(`frame ${lsn}`, this.#offset, bytes, () => trace('frame-written'));
    this.#offset += bytes.length;
    this.#lastLsn = lsn;
    this.#lastChecksum = checksum;
    this.#hardState = hardState;
    this.#firstSegment = firstSegment;
    this.#active = { ...this.#active, highestSlot: highestHeld(records, this.#active.highestSlot) };
    this.#count(records);
    trace('frame-synced');
  }

  /** Goes on in the claimed segment `number`. */
  async openSegment(number: number): Promise<void> {
    const { disk, clusterId, directoryId, segmentBytes } = this.#settings;
    const sealed = this.#active;
    const end = this.#offset;
    await this.#file.close();
    this.#file = await disk.open(segmentName(number));
    const header = writeSegmentHeader({
      clusterId,
      directoryId,
      segmentBytes,
      number,
      bootCounter: this.#bootCounter,
      firstLsn: this.#lastLsn + 1,
      previousChecksum: this.#lastChecksum,
      hardState: this.#hardState,
      firstSegment: this.#firstSegment,
      predecessor: { number: sealed.number, end },
    });
    // At once: who drops segments meanwhile must not take the active one for the successor of those sealed before.
    this.#active = { number, highestSlot: -1 };
    this.#sealed = [...this.#sealed, sealed];
    await this.#put('the header', 0, header);
    this.#offset = sectorBytes;
    this.#settings.trace('segment-opened');
  }

  /** Forgets the first `count` sealed segments. */
  forgetSealed(count: number): void {
    this.#sealed = this.#sealed.slice(count);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #put(
    what: string,
    offset: number,
    bytes: Uint8Array,
    written: () => void = () => undefined,
  ): Promise<void> {
    const file = segmentName(this.#active.number);
    try {
      await this.#file.write(offset, bytes);
    } catch (error) {
      throw new StorageFailure(`writing ${what} to ${file}`, error);
    }
    written();
    await synced(`${what} in ${file}`, () => this.#file.datasync());
  }

  #count(records: readonly LogRecord[]): void {
    this.stats.frames += 1;
    this.stats.records += records.length;
    this.stats.payloadBytes += records.reduce((sum, record) => sum + recordBytes(record), 0);
  }
}
