import type { Slot } from '../log/ids.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import type { PortableState, StateSnapshot } from '../log/state-machine.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { NoSpaceError } from '../storage/disk.js';
import type { LogRecord } from '../storage/log-record.js';
import type { SnapshotFiles } from '../storage/snapshot-files.js';
import type { WriteAheadLog } from '../storage/write-ahead-log.js';

/** Past either, the log is cut and a peer that is still away has to pull a snapshot. */
export interface LogLimits {
  readonly slots: number;
  readonly bytes: number;
}

export const defaultLogLimits: LogLimits = { slots: 16_384, bytes: 16 * 1024 * 1024 };

/** How often it is looked whether something is to be done. */
const lookIntervalMs = 100;
/** How long to wait after a snapshot that could not be written. */
const retryIntervalMs = 5000;
/** A peer that is heard but does not get on holds the log at most this many times its limit. */
const patience = 4;

/** Where the log and the snapshots of a durable replica are. */
export interface KeeperStorage {
  readonly log: WriteAheadLog;
  readonly snapshots: SnapshotFiles;
  /** The values that were in the log when it was recovered. */
  readonly recoveredBytes: number;
  /** What must be said again before the segments that said it go (rule R5); undefined while none may go. */
  readonly live: () => readonly LogRecord[] | undefined;
}

export interface SnapshotKeeperOptions {
  readonly state: PortableState;
  readonly log: Pick<ReplicatedLog<unknown>, 'applied' | 'cut' | 'status'>;
  /** Undefined in memory, where the state itself stands for the snapshot. */
  readonly storage: KeeperStorage | undefined;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The last checkpoint that a majority agrees on; the log is cut no further (rule R13). */
  readonly agreedThrough: () => Slot | undefined;
  /** The slots that peers within reach have learned through, and those that transfers under way begin at. */
  readonly neededThrough: () => readonly (Slot | undefined)[];
  readonly transfersFrom: () => readonly Slot[];
  readonly failed: (error: unknown) => void;
}

/**
 * Keeps the log bounded: writes a snapshot when the log since the last one has grown past its limit, or past the size of
 * that snapshot, whichever is more; cuts the log past its limit although a peer is away; and drops the segments that
 * nothing needs any more (rule R5).
 */
export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions;
  #timer: Timer | undefined;
  #loggedBytes: number;
  #closed = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: SnapshotKeeperOptions) {
    this.#options = options;
    this.#loggedBytes = -(options.storage?.recoveredBytes ?? 0);
  }

  start(): void {
    this.#lookIn(lookIntervalMs);
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#work;
  }

  #lookIn(ms: number): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.timer(ms, () => {
      this.#work = this.#look().then(
        (waitMs) => this.#lookIn(waitMs),
        (error: unknown) => {
          if (!this.#closed) this.#options.failed(error);
        },
      );
    });
  }

  /** Does what is due and answers how long to wait. */
  async #look(): Promise<number> {
    const isCovered = !this.#snapshotIsDue() || (await this.#writeSnapshot());
    // Also after a snapshot for which there was no room: dropping is what makes room.
    await this.#cut();
    await this.#drop();
    return isCovered ? lookIntervalMs : retryIntervalMs;
  }

  #snapshotIsDue(): boolean {
    const { storage, limits, log } = this.#options;
    if (storage === undefined || log.applied === undefined) return false;
    const [newest] = storage.snapshots.list();
    if (newest?.through === log.applied) return false;
    const grownBytes = storage.log.bytesAppended - this.#loggedBytes;
    const grownSlots = log.applied - (newest?.through ?? -1);
    return (
      grownBytes > Math.max(limits.bytes, newest?.bytes ?? 0) ||
      (grownSlots > limits.slots && this.#isOverLimit() && grownBytes > (newest?.bytes ?? 0) / 4)
    );
  }

  #isOverLimit(): boolean {
    const { limits, log } = this.#options;
    const { held, heldBytes } = log.status();
    return held > limits.slots || heldBytes > limits.bytes;
  }

  /** Answers whether it was written. */
  async #writeSnapshot(): Promise<boolean> {
    const { storage, state, logger } = this.#options;
    const snapshot = state.snapshot();
    if (storage === undefined || snapshot.through === undefined) return false;
    const loggedBytes = storage.log.bytesAppended;
    try {
      await this.#write(storage, snapshot);
    } catch (error) {
      if (!(error instanceof NoSpaceError)) throw error;
      logger.warn('no space for a snapshot: the reserve is given up for it', { through: snapshot.through });
      await storage.log.releaseReserve();
      try {
        await this.#write(storage, snapshot);
      } catch (second) {
        if (!(second instanceof NoSpaceError)) throw second;
        return false;
      }
    }
    this.#loggedBytes = loggedBytes;
    await storage.snapshots.removeOlder(snapshot.through);
    logger.info('a snapshot is written', { through: snapshot.through });
    return true;
  }

  async #write({ snapshots }: KeeperStorage, snapshot: StateSnapshot): Promise<void> {
    const writer = await snapshots.begin(snapshot.through);
    try {
      for (const chunk of snapshot.chunks()) {
        if (this.#closed) throw new Error('closed while a snapshot was written');
        await writer.write(chunk);
        // Lets what waits on timers and sockets have its turn.
        await this.#options.clock.sleep(0);
      }
      await writer.commit();
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }

  /** Cuts a log that has grown past its limit, as far as a snapshot and a majority's checkpoint allow. */
  async #cut(): Promise<void> {
    const { log, storage, agreedThrough, limits } = this.#options;
    if (!this.#isOverLimit() || storage?.log.hasSpace === false) return;
    const covered = storage === undefined ? log.applied : storage.snapshots.list()[0]?.through;
    const agreed = agreedThrough();
    if (covered === undefined || agreed === undefined) return;
    const { held, heldBytes } = log.status();
    const isPatient = held <= patience * limits.slots && heldBytes <= patience * limits.bytes;
    const needed = isPatient ? this.#options.neededThrough().map((through) => through ?? -1) : [];
    const through = Math.min(covered, agreed, ...needed, ...this.#options.transfersFrom());
    if (through >= log.status().floor) await log.cut(through);
  }

  /** Drops the segments below the floor that a durable snapshot covers; on a disk without any room, later. */
  async #drop(): Promise<void> {
    const { storage, log, logger } = this.#options;
    const covered = storage?.snapshots.list()[0]?.through;
    if (storage === undefined || covered === undefined) return;
    const below = Math.min(log.status().floor, covered + 1);
    if (!storage.log.canDrop(below)) return;
    const live = storage.live();
    if (live === undefined) return;
    try {
      await storage.log.dropBelow(below, live);
    } catch (error) {
      if (!(error instanceof NoSpaceError)) throw error;
      logger.warn('no space to cut the log', { below });
    }
  }
}
