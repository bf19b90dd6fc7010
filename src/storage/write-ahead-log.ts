import type { Slot } from '../log/ids.js';
import { NoSpaceError } from './disk.js';
import { StorageFailure } from './errors.js';
import { GroupCommit } from './group-commit.js';
import type { HardState } from './hard-state.js';
import type { Journal } from './journal.js';
import { createLog, recoverLog, type OpenedLog, type RecoveredLog } from './log-recovery.js';
import { logSettings, type LogOptions, type LogSettings } from './log-options.js';
import type { LogRecord } from './log-record.js';
import { LogTail, type KeptSegment } from './log-tail.js';
import { checkRecord, recordBytes } from './record-codec.js';
import { directorySynced } from './segment-maker.js';
import { segmentName } from './segment-names.js';
import { SpaceKeeper } from './space-keeper.js';

export type { LogOptions, TracePoint } from './log-options.js';
export type { RecoveredLog } from './log-recovery.js';

/**
 * One replica's records on disk, in the order of appending (docs/storage-format.md). Many appends share one sync; what
 * `append` has resolved for survives every crash.
 */
export class WriteAheadLog implements Journal<LogRecord> {
  readonly #settings: LogSettings;
  readonly #tail: LogTail;
  readonly #space: SpaceKeeper;
  readonly #commit: GroupCommit;
  #cutting: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(settings: LogSettings, tail: LogTail, opened: OpenedLog) {
    this.#settings = settings;
    this.#tail = tail;
    this.#space = new SpaceKeeper(
      settings,
      { number: tail.activeNumber + 1, claimed: false, reserve: opened.reserve },
      { changed: () => this.#commit.kick(), failed: (failure) => this.#commit.fail(failure) },
    );
    this.#commit = new GroupCommit(settings, tail, this.#space);
    this.#space.claim();
  }

  /**
   * Begins the log of a new directory.
   * @throws StorageDamage if segments are there already; RangeError for an id or a size that cannot be written down
   */
  static async create(options: LogOptions): Promise<WriteAheadLog> {
    return WriteAheadLog.#open(await createLog(logSettings(options)));
  }

  /**
   * Reads the log of an old directory and goes on with it. Nothing may be said on the strength of it before this resolves.
   * @throws StorageDamage if it is not certain that everything acknowledged is there, or what of it is missing;
   * NoSpaceError if the disk is full and neither a claimed segment nor a reserve is left; StorageFailure
   */
  static async recover(
    options: LogOptions,
  ): Promise<{ readonly log: WriteAheadLog; readonly recovered: RecoveredLog }> {
    const opened = await recoverLog(logSettings(options));
    return { log: await WriteAheadLog.#open(opened), recovered: opened.recovered };
  }

  static async #open(opened: OpenedLog): Promise<WriteAheadLog> {
    return new WriteAheadLog(opened.settings, await LogTail.open(opened.settings, opened.start), opened);
  }

  /** False while the disk has no room for a next segment. */
  get hasSpace(): boolean {
    return this.#space.hasSpace;
  }

  /** LSN of the last frame that is synced; 0 is none. */
  get durableLsn(): number {
    return this.#tail.durableLsn;
  }

  /** What all synced records come to. */
  get hardState(): HardState {
    return this.#tail.hardState;
  }

  /** How often this directory has been started, this time included. */
  get bootCounter(): number {
    return this.#tail.bootCounter;
  }

  /** What the segments take on disk, the one claimed ahead included and the reserve not. */
  get bytes(): number {
    const segments = this.#tail.sealed.length + 1 + this.#space.claimedSegments;
    return segments * this.#settings.segmentBytes;
  }

  /** Bytes of records that this process has written. */
  get bytesAppended(): number {
    return this.#tail.stats.payloadBytes;
  }

  /** Of this process. */
  get stats(): { readonly frames: number; readonly records: number; readonly payloadBytes: number } {
    return { ...this.#tail.stats };
  }

  /** Asked before each frame for records that are to ride in it; what it gives counts as taken. Must give few bytes. */
  get riders(): () => readonly LogRecord[] {
    return this.#commit.riders;
  }

  set riders(riders: () => readonly LogRecord[]) {
    this.#commit.riders = riders;
  }

  /**
   * Resolves when `records` and everything appended before them are synced; all of them survive a crash or none. While
   * there is no space, no records are waited for only by `appendLazily`.
   * @throws NoSpaceError before anything is queued; RangeError for a record that cannot be written; StorageFailure
   */
  async append(records: readonly LogRecord[]): Promise<void> {
    this.#check(records);
    if (records.length > 0 && !this.hasSpace) throw this.#noSpace();
    await this.#commit.append(records);
  }

  /** Appends records that nobody waits for: they ride in the next frame or make one soon; without room they wait. */
  async appendLazily(records: readonly LogRecord[]): Promise<void> {
    this.#check(records);
    await this.#commit.append(records, { lazy: true });
  }

  /** Whether `dropBelow` would drop anything. */
  canDrop(slot: Slot): boolean {
    return this.#droppable(slot).length > 0;
  }

  /**
   * Rewrites `live` at the end of the log, then drops the oldest segments that hold no vote, decision or truncation at
   * or above `slot` (rule R5). If there are none, nothing is written.
   * @param live everything older that must survive: promises and votes of open instances, done map, pins, peers' LSNs
   * @throws NoSpaceError if the disk is full and even the reserve does not do; RangeError; StorageFailure
   */
  async dropBelow(slot: Slot, live: readonly LogRecord[]): Promise<void> {
    this.#check(live);
    if (this.#commit.failure !== undefined) throw this.#commit.failure;
    // Only what is sealed now: a segment sealed later may hold records that are not in `live`.
    const droppable = this.#droppable(slot);
    const cut = this.#cutting.then(() => this.#drop(droppable, live));
    this.#cutting = cut.catch(() => undefined);
    await cut;
  }

  /**
   * Removes half of the reserve, so that a snapshot finds room; it is claimed again after ten seconds or after the next
   * cut.
   */
  async releaseReserve(): Promise<void> {
    await this.#guarded('releasing the reserve', () => this.#space.releaseReserve());
  }

  /** Writes what waits, as far as there is room, and ends. Later appends are rejected. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#commit.close();
    await this.#cutting;
    await this.#space.stop();
    await this.#tail.close();
  }

  async #drop(droppable: readonly KeptSegment[], live: readonly LogRecord[]): Promise<void> {
    const dropped = droppable.filter((segment) => this.#tail.sealed.includes(segment));
    if (dropped.length === 0) return;
    const firstSegment = this.#tail.sealed[dropped.length]?.number ?? this.#tail.activeNumber;
    if (!this.#hasSpaceToCut(live)) throw this.#noSpace();
    // The frame that ends `live` states the new lowest segment: either both are there after a crash, or neither.
    await this.#commit.append(live, { cutting: true, firstSegment });
    this.#settings.trace('first-segment-recorded');
    await this.#guarded('dropping segments', () => this.#remove(dropped.map(({ number }) => number)));
    this.#tail.forgetSealed(dropped.length);
    this.#space.reclaim();
  }

  #droppable(slot: Slot): readonly KeptSegment[] {
    const { sealed } = this.#tail;
    const kept = sealed.findIndex(({ highestSlot }) => highestSlot >= slot);
    return kept < 0 ? sealed : sealed.slice(0, kept);
  }

  /** Whether what waits and `live` fit the segment in use, or surely the reserve. */
  #hasSpaceToCut(live: readonly LogRecord[]): boolean {
    if (this.hasSpace) return true;
    const sizes = live.map(recordBytes);
    const bytes = sizes.reduce((sum, size) => sum + size, this.#commit.queuedBytes);
    // Of every segment as much may stay unused as the longest record takes that did not fit any more.
    const use = this.#commit.recordLimitBytes - Math.max(0, ...sizes);
    return bytes <= this.#tail.room || bytes <= this.#space.reserveSegments * use;
  }

  async #remove(numbers: readonly number[]): Promise<void> {
    const { disk, trace } = this.#settings;
    for (const number of numbers) {
      await disk.remove(segmentName(number));
      trace('segment-dropped');
    }
    await directorySynced(disk);
  }

  /** Runs what a failure of must end the log. */
  async #guarded(what: string, run: () => Promise<void>): Promise<void> {
    if (this.#commit.failure !== undefined) throw this.#commit.failure;
    try {
      await run();
    } catch (error) {
      const failure = error instanceof StorageFailure ? error : new StorageFailure(what, error);
      this.#commit.fail(failure);
      throw failure;
    }
  }

  #check(records: readonly LogRecord[]): void {
    if (this.#closed !== undefined) throw new Error('the log is closed');
    for (const record of records) {
      checkRecord(record);
      if (recordBytes(record) > this.#commit.recordLimitBytes) {
        throw new RangeError(
          `a record of ${recordBytes(record)} bytes is longer than the ${this.#commit.recordLimitBytes} that ` +
            'a frame can hold; make segments larger',
        );
      }
    }
  }

  #noSpace(): NoSpaceError {
    return new NoSpaceError(segmentName(this.#tail.activeNumber + 1));
  }
}
