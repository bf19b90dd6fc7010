import type { Incarnation, ReplicaId, Slot } from './ids.js';

/** What one replica's application is done with; `through` is undefined while that is nothing. */
export interface DoneEntry {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly through: Slot | undefined;
}

/**
 * The Done values of all members as last heard, merged by maximum (rule R10). Seed 002: "find the minimum, and
 * discard all instances with sequence numbers <= that minimum"; a peer not heard from holds it at nothing.
 */
export class DoneMap {
  readonly #entries = new Map<ReplicaId, DoneEntry>();
  readonly #listeners = new Set<() => void>();

  constructor(private readonly members: readonly ReplicaId[]) {}

  /** Takes an entry in unless a higher one is known; a Done value never falls. Answers whether it rose. */
  merge(entry: DoneEntry): boolean {
    if (!this.members.includes(entry.replica)) return false;
    const known = this.#entries.get(entry.replica);
    if (known !== undefined && (known.through ?? -1) >= (entry.through ?? -1)) return false;
    this.#entries.set(entry.replica, entry);
    for (const listener of this.#listeners) listener();
    return true;
  }

  /** Calls `listener` whenever some Done value has risen. */
  onRise(listener: () => void): void {
    this.#listeners.add(listener);
  }

  throughOf(replica: ReplicaId): Slot | undefined {
    return this.#entries.get(replica)?.through;
  }

  entries(): readonly DoneEntry[] {
    return [...this.#entries.values()];
  }

  /** The lowest slot that some member may still need: the seed's Min(). */
  min(): Slot {
    return Math.min(...this.members.map((member) => (this.throughOf(member) ?? -1) + 1));
  }
}
