import { seededRandom, type Random } from '../runtime/random.js';
import { Network, type Weather } from './network.js';
import { SimulatedProcess } from './simulated-process.js';
import { Tally } from './tally.js';
import { TraceHash } from './trace-hash.js';
import { VirtualTime } from './virtual-time.js';

/** Something that must never be, with the check that saw it. */
export interface Violation {
  readonly check: string;
  readonly message: string;
  readonly atMs: number;
}

export interface WorldOptions {
  readonly seed: number;
  readonly weather: Weather;
  /** How much faster or slower than the world's time the clocks of processes go at the most; 0.05 is 5 %. */
  readonly clockDrift: number;
  /** Told of each line of the trace. */
  readonly line?: ((line: string) => void) | undefined;
}

/** What everything in one simulated world shares: time, network, chance, and what is seen and counted. */
export class World {
  readonly time = new VirtualTime();
  readonly trace: TraceHash;
  readonly network: Network;
  readonly tally = new Tally();
  readonly #options: WorldOptions;
  #violation: Violation | undefined;
  /** Processes in which something has happened since the last look. */
  readonly #ran = new Set<SimulatedProcess>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.trace = new TraceHash(options.line);
    this.network = new Network({
      time: this.time,
      random: this.randomFor('network'),
      trace: this.trace,
      weather: options.weather,
    });
  }

  /** The first thing seen that must never be. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** A stream of chance of its own for each purpose, so that what one part draws changes nothing for another. */
  randomFor(purpose: string): Random {
    return seededRandom(mixed(this.#options.seed, purpose));
  }

  /** Makes a process whose clock goes at a rate of its own. */
  newProcess(name: string): SimulatedProcess {
    const { clockDrift } = this.#options;
    return new SimulatedProcess({
      time: this.time,
      name,
      clockRate: 1 + this.randomFor(`clock of ${name}`).between(-clockDrift, clockDrift),
      fired: (process, order) => this.trace.add(`${this.time.nowMs.toFixed(3)} timer ${process} ${order}`),
      ran: (process) => this.#ran.add(process),
    });
  }

  /** Something that must never be has been seen; the first one counts. */
  violated(check: string, message: string): void {
    this.trace.add(`violation ${check}: ${message}`);
    this.#violation ??= { check, message, atMs: this.time.nowMs };
  }

  /** Lets the next event happen; answers the processes in which something happened, or undefined if nothing is left to happen. */
  async step(): Promise<ReadonlySet<SimulatedProcess> | undefined> {
    this.#ran.clear();
    return (await this.time.step()) ? this.#ran : undefined;
  }
}

/** A 32-bit number out of a seed and a text (FNV-1a, then a final mix, since texts differ in few bits). */
export function mixed(seed: number, text: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
