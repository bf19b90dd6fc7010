import type { Timer } from '../runtime/clock.js';
import { NoSpaceError } from './disk.js';
import { StorageFailure } from './errors.js';
import type { LogSettings } from './log-options.js';
import {
  Abandoned,
  directorySynced,
  isZeroFile,
  makeZeroFile,
  publish,
  removeIfThere,
} from './segment-maker.js';
import { reserveName, segmentName } from './segment-names.js';

/** How soon a next segment that the disk had no room for is tried again. */
const retryMs = 1000;
/** The same for the reserve, and for how long its space is lent. */
const reserveRetryMs = 10_000;

export interface SpaceKeeperEvents {
  /** There is a next segment, or space was found again or lost. */
  readonly changed: () => void;
  readonly failed: (failure: StorageFailure) => void;
}

/**
 * Claims the next segment and the reserve ahead, so that a full disk is met here and never half way through a vote
 * (rule R15).
 */
export class SpaceKeeper {
  readonly #settings: LogSettings;
  readonly #events: SpaceKeeperEvents;
  readonly #reserve = new Set<number>();
  /** Number of the segment that is or is to be claimed. */
  #number: number;
  #claimed = false;
  #full = false;
  #stopped = false;
  #work: Promise<void> | undefined;
  #wanted = false;
  #retry: Timer | undefined;
  /** Until then whoever asked for the reserve may use its space. */
  #lentUntilMs: number | undefined;

  /** @param next number of the next segment; `claimed` if it is there already */
  constructor(
    settings: LogSettings,
    next: { readonly number: number; readonly claimed: boolean; readonly reserve: readonly number[] },
    events: SpaceKeeperEvents,
  ) {
    this.#settings = settings;
    this.#events = events;
    this.#number = next.number;
    this.#claimed = next.claimed;
    for (const number of next.reserve) this.#reserve.add(number);
  }

  /** Whether a next segment is claimed, or is being claimed and nothing speaks against it. */
  get hasSpace(): boolean {
    return !this.#full;
  }

  /** Segments' worth of space kept for cutting. */
  get reserveSegments(): number {
    return this.#reserve.size;
  }

  /** How many files this keeps that are part of the log's numbers: 1 if the next segment is there. */
  get claimedSegments(): number {
    return this.#claimed ? 1 : 0;
  }

  /**
   * Takes the claimed segment, if there is one. The caller claims another once the taken one has its header: two
   * segments without one would look like damage after a power cut.
   */
  take(): number | undefined {
    if (!this.#claimed) return undefined;
    this.#claimed = false;
    const taken = this.#number;
    this.#number += 1;
    return taken;
  }

  /** Claims what is missing, now. */
  claim(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#work ??= this.#run();
  }

  /** Ends the time for which the space of the reserve was lent, and claims what is missing. */
  reclaim(): void {
    this.#lentUntilMs = undefined;
    this.claim();
  }

  /** Turns a file of the reserve into the next segment, if that is missing; only cutting the log may ask for it. */
  useReserve(): Promise<void> {
    return this.#alone(async () => {
      for (const number of [...this.#reserve]) {
        if (this.#claimed || this.#stopped) return;
        this.#reserve.delete(number);
        const { disk, segmentBytes } = this.#settings;
        if (!(await isZeroFile(disk, reserveName(number), segmentBytes))) continue;
        await disk.rename(reserveName(number), segmentName(this.#number));
        await directorySynced(disk);
        this.#claimed = true;
      }
    });
  }

  /**
   * Removes what of the reserve is not kept for recovery, so that something else finds room; claimed again after a while,
   * or by `reclaim`.
   */
  releaseReserve(): Promise<void> {
    const { clock, disk, reserveSegments } = this.#settings;
    const keptForRecovery = Math.floor(reserveSegments / 2);
    this.#lentUntilMs = clock.now() + reserveRetryMs;
    return this.#alone(async () => {
      for (const number of [...this.#reserve].slice(keptForRecovery)) {
        this.#reserve.delete(number);
        await removeIfThere(disk, reserveName(number));
      }
      await directorySynced(disk);
      if (!this.#stopped) this.#retryIn(reserveRetryMs);
    });
  }

  /** Begins nothing new. */
  halt(): void {
    this.#stopped = true;
    this.#retry?.cancel();
  }

  async stop(): Promise<void> {
    this.halt();
    await this.#work;
  }

  async #run(): Promise<void> {
    try {
      while (this.#wanted && !this.#stopped) {
        this.#wanted = false;
        await this.#claimMissing();
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#work = undefined;
    if (this.#isMissing()) this.#retryIn(this.#claimed ? reserveRetryMs : retryMs);
  }

  /** Runs `task` while nothing is claimed. */
  async #alone(task: () => Promise<void>): Promise<void> {
    while (this.#work !== undefined) await this.#work;
    const done = task();
    this.#work = done
      .catch(() => undefined)
      .then(() => {
        this.#work = undefined;
        if (this.#wanted) this.claim();
      });
    await done;
  }

  async #claimMissing(): Promise<void> {
    if (this.#isLent()) {
      if (!this.#claimed) this.#setFull(true);
      return;
    }
    if (!this.#claimed) {
      if (!(await this.#make(segmentName(this.#number)))) {
        this.#setFull(true);
        return;
      }
      this.#claimed = true;
      this.#settings.trace('segment-claimed');
      this.#setFull(false);
      this.#events.changed();
    }
    await this.#fillReserve();
  }

  async #fillReserve(): Promise<void> {
    for (const number of this.#missingReserve()) {
      // A next segment taken meanwhile comes before the reserve.
      if (this.#wanted || this.#isLent()) return;
      if (!(await this.#make(reserveName(number)))) return;
      this.#reserve.add(number);
    }
  }

  #missingReserve(): number[] {
    const numbers = Array.from({ length: this.#settings.reserveSegments }, (_, index) => index + 1);
    return numbers.filter((number) => !this.#reserve.has(number));
  }

  /** Whether the file could be made; not if the disk is full. */
  async #make(name: string): Promise<boolean> {
    const { disk, segmentBytes } = this.#settings;
    try {
      await makeZeroFile(disk, name, segmentBytes, () => this.#stopped);
      await publish(disk, name);
      return true;
    } catch (error) {
      if (error instanceof NoSpaceError) return false;
      throw error;
    }
  }

  #isLent(): boolean {
    return this.#lentUntilMs !== undefined && this.#settings.clock.now() < this.#lentUntilMs;
  }

  #isMissing(): boolean {
    return !this.#stopped && (!this.#claimed || this.#missingReserve().length > 0);
  }

  #retryIn(ms: number): void {
    this.#retry?.cancel();
    this.#retry = this.#settings.clock.timer(ms, () => {
      this.#retry = undefined;
      this.claim();
    });
  }

  #setFull(full: boolean): void {
    if (this.#full === full || this.#stopped) return;
    this.#full = full;
    this.#settings.onSpace(!full);
    this.#events.changed();
  }

  #failed(error: unknown): void {
    if (error instanceof Abandoned) return;
    this.#stopped = true;
    this.#events.failed(
      error instanceof StorageFailure ? error : new StorageFailure('claiming space for the log', error),
    );
  }
}
