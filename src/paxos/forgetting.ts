import type { Slot } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import type { Journal } from '../storage/journal.js';
import type { Instances } from './instances.js';
import type { Trace } from '../log/trace.js';
import type { PaxosRecord } from './messages.js';

export interface ForgettingOptions {
  readonly instances: Instances;
  readonly roster: Roster;
  readonly journal: Journal<PaxosRecord>;
  readonly trace: Trace;
  /** What lies below `floor` is forgotten now. */
  readonly forgotten: (floor: Slot) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Lets go of slots that nobody needs, or that the application gives up: the floor is on disk before anything below it
 * goes (rule R3).
 */
export class Forgetting {
  readonly #options: ForgettingOptions;
  /** Below this slot the application has given up by a cut or an installed snapshot. */
  #givenUpBelow: Slot;
  #wanted: Slot = 0;
  #writing = false;

  constructor(options: ForgettingOptions) {
    this.#options = options;
    this.#givenUpBelow = options.instances.floor;
    options.roster.done.onRise(() => this.#rise(options.roster.done.min()));
  }

  /** Whether a slot is forgotten, or will be as soon as the floor above it is written down. */
  isForgotten(slot: Slot): boolean {
    return slot < this.#options.instances.floor || slot < this.#options.roster.done.min();
  }

  /** @throws RangeError if `through` is not learned */
  async cut(through: Slot): Promise<void> {
    const learned = this.#options.instances.learnedThrough;
    if (through > (learned ?? -1)) {
      throw new RangeError(
        `cannot cut through slot ${through}: only slots through ${learned ?? 'none'} are learned`,
      );
    }
    await this.install(through, () => undefined);
  }

  /** Gives up every slot up to `through`, learned or not, and calls `installed` in the turn in which they go. */
  async install(through: Slot, installed: () => void): Promise<void> {
    const { instances, journal, failed } = this.#options;
    const floor = through + 1;
    this.#givenUpBelow = Math.max(this.#givenUpBelow, floor);
    try {
      if (floor > instances.floor) {
        const records: PaxosRecord[] = [{ kind: 'floor', floor }];
        await (journal.hasSpace ? journal.append(records) : journal.appendLazily(records));
        this.#synced(floor);
      }
      instances.meet(through);
      installed();
    } catch (error) {
      failed(error);
      throw error;
    }
  }

  /** Lets the floor rise when there is time; one record at a time, for the highest asked for by then. */
  #rise(to: Slot): void {
    const { instances, journal, failed } = this.#options;
    this.#wanted = Math.max(this.#wanted, to);
    if (this.#writing || this.#wanted <= instances.floor) return;
    const floor = this.#wanted;
    this.#writing = true;
    journal
      .appendLazily([{ kind: 'floor', floor }])
      .then(() => {
        this.#writing = false;
        this.#synced(floor);
        this.#rise(floor);
      })
      .catch(failed);
  }

  #synced(floor: Slot): void {
    const { instances, roster, trace, forgotten } = this.#options;
    trace('floor-synced', { floor });
    if (floor <= instances.floor) return;
    instances.forgetBelow(floor, roster.done.min(), this.#givenUpBelow);
    roster.learnedThrough = instances.learnedThrough;
    trace('forgotten', { floor });
    forgotten(floor);
  }
}
