import type { Clock } from '../runtime/clock.js';

/** Which faults happen, by number, and how many operations clients begin. */
export interface Schedule {
  readonly faults: readonly number[];
  readonly operations: number;
}

export interface ShrinkOptions {
  /** One that fails. */
  readonly schedule: Schedule;
  /** Whether this one fails in the same way. */
  readonly fails: (candidate: Schedule) => Promise<boolean>;
  readonly runLimit: number;
  readonly timeLimitMs: number;
  readonly clock: Pick<Clock, 'now'>;
}

/** The smallest schedule found that still fails. */
export interface Shrunk extends Schedule {
  /** How many schedules were tried. */
  readonly runs: number;
  /** Whether none of its faults can be left out; otherwise a limit came first. */
  readonly isMinimal: boolean;
}

/** Makes a schedule that fails small: fewer faults by delta debugging (Zeller and Hildebrandt, 2002), then fewer operations. */
export async function shrink(options: ShrinkOptions): Promise<Shrunk> {
  const search = new ShrinkSearch(options);
  let isMinimal = await search.fewerFaults();
  // With fewer operations some faults may not be needed any more.
  if (isMinimal && (await search.fewerOperations())) isMinimal = await search.fewerFaults();
  return { ...search.smallest, runs: search.runs, isMinimal };
}

class ShrinkSearch {
  runs = 0;
  smallest: Schedule;
  readonly #options: ShrinkOptions;
  readonly #endMs: number;

  constructor(options: ShrinkOptions) {
    this.#options = options;
    this.smallest = options.schedule;
    this.#endMs = options.clock.now() + options.timeLimitMs;
  }

  /** Answers false if a limit came before none of the faults could be left out. */
  async fewerFaults(): Promise<boolean> {
    if (await this.#works({ ...this.smallest, faults: [] })) return true;
    let pieces = 2;
    while (this.smallest.faults.length > 1 && !this.#isOver) {
      const { faults } = this.smallest;
      const parts = split(faults, Math.min(pieces, faults.length));
      const worked = await this.#firstThatWorks([
        // Of two parts each is the other's complement.
        ...(parts.length > 2 ? parts : []),
        ...parts.map((part) => faults.filter((fault) => !part.includes(fault))),
      ]);
      if (worked) pieces = Math.max(2, pieces - 1);
      else if (parts.length === faults.length) return !this.#isOver;
      else pieces = Math.min(faults.length, pieces * 2);
    }
    return !this.#isOver;
  }

  /** Tries half as many operations again and again, then single steps between; answers whether there are fewer now. */
  async fewerOperations(): Promise<boolean> {
    const { operations } = this.smallest;
    let byHowMany = Math.floor(operations / 2);
    while (byHowMany > 0 && !this.#isOver) {
      const fewer = this.smallest.operations - byHowMany;
      const works = fewer > 0 && (await this.#works({ ...this.smallest, operations: fewer }));
      byHowMany = works
        ? Math.min(byHowMany, Math.floor(this.smallest.operations / 2))
        : Math.floor(byHowMany / 2);
    }
    return this.smallest.operations < operations;
  }

  async #firstThatWorks(candidates: readonly (readonly number[])[]): Promise<boolean> {
    for (const faults of candidates) {
      if (this.#isOver) return false;
      if (await this.#works({ ...this.smallest, faults })) return true;
    }
    return false;
  }

  /** Whether it fails in the same way; then it is the smallest so far. */
  async #works(candidate: Schedule): Promise<boolean> {
    if (this.#isOver) return false;
    const { faults, operations } = this.smallest;
    if (candidate.faults.length === faults.length && candidate.operations === operations) return false;
    this.runs += 1;
    const fails = await this.#options.fails(candidate);
    if (fails) this.smallest = candidate;
    return fails;
  }

  get #isOver(): boolean {
    return this.runs >= this.#options.runLimit || this.#options.clock.now() >= this.#endMs;
  }
}

/** The same items in `count` parts, as alike in length as can be. */
function split<Item>(items: readonly Item[], count: number): readonly (readonly Item[])[] {
  return Array.from({ length: count }, (_part, index) =>
    items.slice(Math.floor((index * items.length) / count), Math.floor(((index + 1) * items.length) / count)),
  );
}
