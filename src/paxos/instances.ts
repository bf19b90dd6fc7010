import type { Slot } from '../log/ids.js';
import { untouched, type AcceptorState } from './acceptor.js';
import { checkFloor, checkTransition } from './invariants.js';

/** One instance: what its acceptor remembers, and what ends its proposer while there is one. */
export interface Instance {
  acceptor: AcceptorState;
  proposing: AbortController | undefined;
  /** The highest round that a proposer of this process has used here (rule R4). */
  usedRound: number;
  /** The record of its decision is on disk. */
  decisionSynced: boolean;
}

const fresh = (): Instance => ({
  acceptor: untouched,
  proposing: undefined,
  usedRound: 0,
  decisionSynced: false,
});

/** What the values of one instance weigh in memory. */
const bytesOf = (acceptor: AcceptorState): number =>
  acceptor.phase === 'decided' ? acceptor.value.length : (acceptor.vote?.value.length ?? 0);

/**
 * The instances a peer holds, by slot. Everything of a forgotten one goes at once: acceptor, proposer and
 * value (seed 002, hint 8).
 */
export class Instances {
  readonly #instances = new Map<Slot, Instance>();
  #floor: Slot = 0;
  #max: Slot | undefined;
  #reach: Slot | undefined;
  #learnedThrough: Slot | undefined;
  #durablyLearnedThrough: Slot | undefined;
  #heldBytes = 0;

  /** Takes up what the log of an earlier process says; its floor is durable, and so is every decision. */
  restore(floor: Slot, acceptors: ReadonlyMap<Slot, AcceptorState>): void {
    for (const [slot, acceptor] of acceptors) {
      this.advance(slot, acceptor);
      this.obtain(slot).decisionSynced = acceptor.phase === 'decided';
    }
    this.forgetBelow(floor, 0, floor);
    if (floor > 0) this.meet(floor - 1);
    this.#learn();
  }

  /** The lowest slot still held; never falls. */
  get floor(): Slot {
    return this.#floor;
  }

  /** The highest slot ever met; never falls, also when its instance is forgotten. */
  get max(): Slot | undefined {
    return this.#max;
  }

  /** The highest slot voted for or known decided, at least the last one forgotten (rule R7). */
  get reach(): Slot | undefined {
    return this.#reach;
  }

  /** Every slot up to this one is decided and known here. */
  get learnedThrough(): Slot | undefined {
    return this.#learnedThrough;
  }

  /** Every slot up to this one is learned, and its decision is on disk or below the floor (rule R10). */
  get durablyLearnedThrough(): Slot | undefined {
    return this.#durablyLearnedThrough;
  }

  /** The bytes of the values that are held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get size(): number {
    return this.#instances.size;
  }

  find(slot: Slot): Instance | undefined {
    return this.#instances.get(slot);
  }

  /** The instance of a slot at or above the floor, made if there is none yet. */
  obtain(slot: Slot): Instance {
    if (slot < this.#floor) throw new RangeError(`slot ${slot} is below the floor ${this.#floor}`);
    const known = this.#instances.get(slot);
    if (known !== undefined) return known;
    const made = fresh();
    this.#instances.set(slot, made);
    this.meet(slot);
    return made;
  }

  /** Slot `slot` is known to exist. */
  meet(slot: Slot): void {
    this.#max = Math.max(this.#max ?? slot, slot);
  }

  /** Moves an acceptor on, checking what must never break. */
  advance(slot: Slot, after: AcceptorState): void {
    const instance = this.obtain(slot);
    checkTransition(slot, instance.acceptor, after);
    this.#heldBytes += bytesOf(after) - bytesOf(instance.acceptor);
    instance.acceptor = after;
    if (after.phase === 'decided' || after.vote !== undefined)
      this.#reach = Math.max(this.#reach ?? slot, slot);
    if (after.phase === 'decided') this.#learn();
  }

  /** The record of a decision is on disk. */
  decisionSynced(slot: Slot): void {
    const instance = this.#instances.get(slot);
    if (instance === undefined) return;
    instance.decisionSynced = true;
    this.#learn();
  }

  /**
   * Forgets every slot below `floor` and ends its proposers.
   * @param givenUpBelow the slot up to which the application has given up what others may still need
   */
  forgetBelow(floor: Slot, min: Slot, givenUpBelow: Slot): void {
    checkFloor(this.#floor, floor, min, givenUpBelow);
    for (const slot of this.heldBetween(this.#floor, floor - 1)) {
      const instance = this.#instances.get(slot);
      if (instance === undefined) continue;
      instance.proposing?.abort();
      this.#heldBytes -= bytesOf(instance.acceptor);
      this.#instances.delete(slot);
    }
    this.#floor = floor;
    if (floor > 0) {
      this.#reach = Math.max(this.#reach ?? 0, floor - 1);
      this.#learnedThrough = Math.max(this.#learnedThrough ?? 0, floor - 1);
      this.#durablyLearnedThrough = Math.max(this.#durablyLearnedThrough ?? 0, floor - 1);
      this.#learn();
    }
  }

  /** The slots held from `first` to `last`, lowest first. Slots may be far apart, so gaps cost nothing. */
  heldBetween(first: Slot, last: Slot): Slot[] {
    if (last - first < this.#instances.size) {
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index).filter(
        (slot) => this.#instances.has(slot),
      );
    }
    return [...this.#instances.keys()]
      .filter((slot) => slot >= first && slot <= last)
      .sort((left, right) => left - right);
  }

  /** The slots that are not decided, lowest first. */
  open(): [Slot, Instance][] {
    return [...this.#instances]
      .filter(([, { acceptor }]) => acceptor.phase === 'open')
      .sort(([left], [right]) => left - right);
  }

  values(): Iterable<Instance> {
    return this.#instances.values();
  }

  #learn(): void {
    let next = (this.#learnedThrough ?? -1) + 1;
    while (this.#instances.get(next)?.acceptor.phase === 'decided') next += 1;
    if (next > 0) this.#learnedThrough = next - 1;
    let nextDurable = (this.#durablyLearnedThrough ?? -1) + 1;
    while (this.#instances.get(nextDurable)?.decisionSynced === true) nextDurable += 1;
    if (nextDurable > 0) this.#durablyLearnedThrough = nextDurable - 1;
  }
}
