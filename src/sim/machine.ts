import type { Random } from '../runtime/random.js';
import { SimulatedDisk, type Harm } from './simulated-disk.js';
import type { SimulatedProcess } from './simulated-process.js';
import { traceText } from './trace-hash.js';
import type { World } from './world.js';

/** How a process ends: by itself or by a signal, its machine going on; or with the power of its machine. */
export type Ending = 'kill' | 'power';

/** How long operations of a disk that must reach the platter take. */
export interface DiskPace {
  readonly syncLimitMs: number;
  /** The share of syncs that take up to `slowSyncLimitMs`. */
  readonly slowShare: number;
  readonly slowSyncLimitMs: number;
}

const shortestSyncMs = 0.1;
/** The share of slow syncs while a fault slows them. */
const slowedShare = 0.5;

/** A machine with a disk, and at most one process of a server on it at a time. */
export class Machine {
  readonly host: string;
  /** Why nothing is ever started on it again; undefined while it may be. */
  gone: string | undefined;
  /** What was done to it that a server may refuse to live with, or that ends its life. */
  readonly excuses = new Set<'damaged' | 'lost-directory' | 'sync-error' | 'full'>();
  /** Told, when a sync begins, how long it would take; answers how long it does. */
  syncing: (lastsMs: number) => number = (lastsMs) => lastsMs;
  readonly #world: World;
  readonly #pace: DiskPace;
  /** How long slow syncs take at the most, by each fault that slows them now. */
  readonly #slowdowns: number[] = [];
  readonly #random: Random;
  #disk: SimulatedDisk;
  #process: SimulatedProcess | undefined;
  #lives = 0;

  constructor(world: World, host: string, pace: DiskPace) {
    this.#world = world;
    this.host = host;
    this.#pace = pace;
    this.#random = world.randomFor(`disk of ${host}`);
    this.#disk = new SimulatedDisk(this.#random);
  }

  /** The process on it, halted or not; undefined if there is none. */
  get process(): SimulatedProcess | undefined {
    return this.#process;
  }

  /** How many processes there have been. */
  get lives(): number {
    return this.#lives;
  }

  get disk(): SimulatedDisk {
    return this.#disk;
  }

  /** Until the answer is called, every other sync takes up to so long. */
  slowDown(slowSyncLimitMs: number): () => void {
    this.#slowdowns.push(slowSyncLimitMs);
    return () => void this.#slowdowns.splice(this.#slowdowns.indexOf(slowSyncLimitMs), 1);
  }

  /** Begins a new process, with the disk that the last one has left. */
  begin(): SimulatedProcess {
    this.#lives += 1;
    const process = this.#world.newProcess(`${this.host}.${this.#lives}`);
    this.#process = process;
    this.#mount(process);
    return process;
  }

  /** Ends the process on it, if there is one. */
  end(ending: Ending): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    const { tally, trace } = this.#world;
    const harm: Harm = { lost: 0, torn: 0 };
    this.#disk = ending === 'power' ? this.#disk.crash('random', harm) : this.#disk.handOver();
    tally.add('writes lost', harm.lost);
    tally.add('torn writes', harm.torn);
    trace.add(`end ${process.name} ${ending} lost ${harm.lost} torn ${harm.torn}`);
    process.end();
  }

  /** Puts an empty disk in; there must be no process. */
  replaceDisk(): void {
    this.#disk = new SimulatedDisk(this.#random);
  }

  #mount(process: SimulatedProcess): void {
    const { trace, time } = this.#world;
    this.#disk.before = ({ kind, file, offset, bytes }) => {
      if (bytes !== undefined) {
        trace.add(`${time.nowMs.toFixed(3)} ${process.name} writes ${file} ${offset} ${traceText(bytes)}`);
        return undefined;
      }
      if (kind !== 'datasync' && kind !== 'sync-directory') return undefined;
      trace.add(`${time.nowMs.toFixed(3)} ${process.name} ${kind} ${file}`);
      return process.clock.sleep(this.syncing(this.#syncMs()));
    };
  }

  #syncMs(): number {
    const { syncLimitMs, slowShare, slowSyncLimitMs } = this.#pace;
    const isSlowedDown = this.#slowdowns.length > 0;
    const isSlow = this.#random.between(0, 1) < (isSlowedDown ? slowedShare : slowShare);
    const slowLimitMs = Math.max(slowSyncLimitMs, ...this.#slowdowns);
    return this.#random.between(shortestSyncMs, isSlow ? slowLimitMs : syncLimitMs);
  }
}
