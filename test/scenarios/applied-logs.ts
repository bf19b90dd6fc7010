/** Servers have applied different values at one slot, or one of them has not applied slot after slot. */
class Disagreement extends Error {}

/**
 * What the servers of a cluster have applied, compared at every apply: over all servers, and over all lives of each. A
 * server that was restarted applies everything again.
 */
export class AppliedLogs {
  readonly #agreed: string[] = [];
  /** The first slot that the present life of a server has not applied. */
  readonly #ends = new Map<number, number>();

  /** A life of this server begins, or has ended. */
  reset(server: number): void {
    this.#ends.delete(server);
  }

  /** @throws Disagreement */
  apply(server: number, slot: number, value: string): void {
    const end = this.#ends.get(server) ?? 0;
    if (slot !== end) throw new Disagreement(`server ${server} applied slot ${slot}; next was slot ${end}`);
    if (slot === this.#agreed.length) this.#agreed.push(value);
    if (this.#agreed[slot] !== value) {
      throw new Disagreement(
        `server ${server} applied "${value}" at slot ${slot}, where "${this.#agreed[slot]}" was applied before`,
      );
    }
    this.#ends.set(server, slot + 1);
  }

  /** How many servers have applied a slot in their present lives. */
  count(slot: number): number {
    return [...this.#ends.values()].filter((end) => end > slot).length;
  }

  has(server: number, slot: number): boolean {
    return (this.#ends.get(server) ?? 0) > slot;
  }

  /** Whatever any server has applied in any life, in order. */
  get values(): readonly string[] {
    return this.#agreed;
  }
}
