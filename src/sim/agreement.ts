import type { Slot } from '../log/ids.js';
import { sameBytes } from '../paxos/same-bytes.js';

/** One replica as the checks look at it. */
export interface Observed {
  readonly name: string;
  /** The last slot applied; undefined before any. */
  readonly applied: Slot | undefined;
  /** Of the state after `applied`. */
  readonly digest: string;
  /** What is known decided in a slot and still held. */
  readonly decidedValue: (slot: Slot) => Uint8Array | undefined;
}

export interface AgreementOptions {
  readonly violated: (check: string, message: string) => void;
  /** Told of each value as it is first seen applied at a replica. */
  readonly applied: (name: string, slot: Slot, value: Uint8Array) => void;
}

/**
 * What must hold between all replicas after every step: a slot has one value for ever; equal slots have equal states; and
 * within one process what is applied never falls.
 */
export class Agreement {
  readonly #options: AgreementOptions;
  readonly #values = new Map<Slot, Uint8Array>();
  readonly #digests = new Map<Slot, string>();
  /** By process. */
  readonly #applied = new Map<string, Slot>();

  constructor(options: AgreementOptions) {
    this.#options = options;
  }

  /** How many slots were applied anywhere. */
  get slots(): number {
    return this.#values.size;
  }

  /** @param process names the process, which starts over after a restart */
  look(process: string, observed: Observed): void {
    const { applied } = observed;
    const before = this.#applied.get(process);
    if (applied === before) return;
    if (applied === undefined || (before !== undefined && applied < before)) {
      this.#options.violated(
        'what is applied never falls',
        `${process} had applied slot ${before ?? 'none'}, and now ${applied ?? 'none'}`,
      );
      return;
    }
    this.#applied.set(process, applied);
    for (let slot = (before ?? -1) + 1; slot <= applied; slot += 1) this.#compareValue(observed, slot);
    this.#compareDigest(observed, applied);
  }

  #compareValue(observed: Observed, slot: Slot): void {
    const value = observed.decidedValue(slot);
    // Below the floor, as after a snapshot: the digests tell.
    if (value === undefined) return;
    const known = this.#values.get(slot);
    if (known === undefined) this.#values.set(slot, value);
    else if (!sameBytes(known, value)) {
      this.#options.violated(
        'a slot has one value',
        `slot ${slot} has two values; ${observed.name} has the second`,
      );
    }
    this.#options.applied(observed.name, slot, value);
  }

  #compareDigest({ name, digest }: Observed, applied: Slot): void {
    const known = this.#digests.get(applied);
    if (known === undefined) this.#digests.set(applied, digest);
    else if (known !== digest) {
      this.#options.violated(
        'equal slots have equal states',
        `after slot ${applied} the state of ${name} differs from that of another replica`,
      );
    }
  }
}
