import type { Timer } from '../runtime/clock.js';
import { AppendQueue, type Append, type FrameDraft } from './append-queue.js';
import { NoSpaceError } from './disk.js';
import { StorageFailure } from './errors.js';
import type { LogSettings } from './log-options.js';
import type { LogRecord } from './log-record.js';
import { LogTail } from './log-tail.js';
import { recordBytes } from './record-codec.js';
import { segmentName } from './segment-names.js';
import type { SpaceKeeper } from './space-keeper.js';

/** Turns of waiting callbacks that a new frame waits, so that those just told may append again into it. */
const gatherTurns = 4;

const bytesOf = (records: readonly LogRecord[]): number =>
  records.reduce((sum, record) => sum + recordBytes(record), 0);

/** What an append says beside its records. */
export interface AppendManner {
  readonly lazy?: boolean;
  readonly cutting?: boolean;
  readonly firstSegment?: number;
}

/**
 * One write and sync in flight; what arrives meanwhile gathers into the next frame. The first failure is the last
 * thing that happens: whoever waits is told, and nothing is written or tried again (rule R15).
 */
export class GroupCommit {
  readonly #settings: LogSettings;
  readonly #tail: LogTail;
  readonly #space: SpaceKeeper;
  readonly #queue: AppendQueue;
  #inFlight: readonly Append[] = [];
  #running: Promise<void> | undefined;
  #wanted = false;
  #lazyTimer: Timer | undefined;
  #lazyDue = false;
  #closing = false;
  #failure: StorageFailure | undefined;
  #riding: readonly LogRecord[] = [];
  riders: () => readonly LogRecord[] = () => [];

  constructor(settings: LogSettings, tail: LogTail, space: SpaceKeeper) {
    this.#settings = settings;
    this.#tail = tail;
    this.#space = space;
    this.#queue = new AppendQueue(LogTail.payloadLimit(settings));
  }

  get failure(): StorageFailure | undefined {
    return this.#failure;
  }

  /** Bytes of the records that wait for a frame. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get recordLimitBytes(): number {
    return this.#queue.recordLimitBytes;
  }

  /** Resolves when `records` and all before them are synced. */
  append(records: readonly LogRecord[], manner: AppendManner = {}): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closing) return Promise.reject(new Error('the log is closed'));
    const { lazy = false, cutting = false, firstSegment } = manner;
    const isEmpty = records.length === 0 && firstSegment === undefined;
    if (isEmpty && this.#queue.isEmpty && this.#running === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const bytes = bytesOf(records);
      this.#queue.push({ records, bytes, lazy, cutting, firstSegment, resolve, reject });
      if (!lazy) this.kick();
      else if (this.#lazyTimer === undefined) this.#armLazyTimer();
    });
  }

  /** Looks whether there is something to write. */
  kick(): void {
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const failure = error instanceof StorageFailure ? error : new StorageFailure('the log', error);
    this.#failure = failure;
    this.#lazyTimer?.cancel();
    this.#space.halt();
    for (const append of [...this.#inFlight, ...this.#queue.takeAll()]) append.reject(failure);
    this.#inFlight = [];
    this.#settings.fatal(failure);
  }

  /** Writes what there is room for and ends; the rest is rejected. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#lazyTimer?.cancel();
    this.kick();
    await this.#running;
    const unwritten = new NoSpaceError(segmentName(this.#tail.activeNumber + 1));
    for (const append of this.#queue.takeAll()) append.reject(unwritten);
  }

  #armLazyTimer(): void {
    this.#lazyTimer = this.#settings.clock.timer(this.#settings.lazyFlushMs, () => {
      this.#lazyTimer = undefined;
      this.#lazyDue = true;
      this.kick();
    });
  }

  async #run(): Promise<void> {
    try {
      while (this.#wanted) {
        this.#wanted = false;
        await this.#drain();
      }
    } catch (error) {
      this.fail(error);
    }
    this.#running = undefined;
  }

  async #drain(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < gatherTurns; turn += 1) await Promise.resolve();
      if (this.#failure !== undefined) return;
      if (!this.#isDue()) {
        this.#settleEmpty();
        return;
      }
      const draft = this.#draft();
      if (draft !== undefined) {
        await this.#commit(draft);
      } else if (!(await this.#openNextSegment())) {
        // Lazy records without room must not hold back who waits for what was synced long ago.
        if (!this.#queue.isPressing && !this.#space.hasSpace) this.#settleEmpty();
        return;
      }
    }
  }

  #settleEmpty(): void {
    for (const append of this.#queue.takeEmpty()) append.resolve();
  }

  /**
   * Whether a frame is to be written now. Without a next segment nothing is taken in any more (rule R15), but what was
   * taken before and what nobody waits for still goes where there is room: decisions must not be lost on a full disk.
   */
  #isDue(): boolean {
    if (!this.#queue.isLaden) {
      this.#lazyDue = false;
      return false;
    }
    if (this.#queue.isPressing || this.#closing) return true;
    return this.#queue.isPrompt || this.#lazyDue;
  }

  #draft(): FrameDraft | undefined {
    if (this.#queue.isInTransaction) return this.#queue.take(this.#tail.room);
    this.#riding = [...this.#riding, ...this.riders()];
    const draft = this.#queue.take(this.#tail.room - bytesOf(this.#riding));
    if (draft === undefined) return this.#queue.take(this.#tail.room);
    draft.records.unshift(...this.#riding);
    this.#riding = [];
    return draft;
  }

  async #commit(draft: FrameDraft): Promise<void> {
    this.#inFlight = draft.appends;
    await this.#tail.write(draft);
    if (this.#failure !== undefined) return;
    this.#inFlight = [];
    for (const append of draft.appends) append.resolve();
  }

  async #openNextSegment(): Promise<boolean> {
    let number = this.#space.take();
    if (number === undefined && this.#queue.isCutting) {
      await this.#space.useReserve();
      number = this.#space.take();
    }
    if (number === undefined || this.#failure !== undefined) return false;
    await this.#tail.openSegment(number);
    this.#space.claim();
    return true;
  }
}
