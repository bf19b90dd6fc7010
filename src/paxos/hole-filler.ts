import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { PaxosPeer } from './peer.js';

/** How often a hole is looked at. */
const tickMs = 50;
/** A hole this many ticks old is decided here and now. */
const ticksBeforeNoOp = 3;
/** Slots asked for in one Learn; an answer is also bounded in bytes. */
const learnSlots = 1024;

export interface HoleFillerOptions {
  readonly peer: PaxosPeer;
  readonly clock: Clock;
  /** Every slot up to this one is decided and known here. */
  readonly learnedThrough: () => Slot | undefined;
  /** The bytes of a fresh batch without commands. */
  readonly noOp: () => Uint8Array;
}

/**
 * Brings in what this replica missed. A peer that has come further is asked for its decisions; a slot that stays
 * open below one that is decided, or below what a peer has reached, is driven to a decision with a no-op, which
 * learns the value if there is one (seed 000: "force agreement on missing sequences").
 */
export class HoleFiller {
  readonly #options: HoleFillerOptions;
  /** The highest slot that is known to exist. */
  #target: Slot | undefined;
  #timer: Timer | undefined;
  #ageTicks = 0;
  #hole: Slot = 0;
  #learning = false;
  #closed = false;

  constructor(options: HoleFillerOptions) {
    this.#options = options;
  }

  /** Slots up to `slot` exist somewhere: whatever of them is not known here is a hole. */
  mustReach(slot: Slot): void {
    this.#target = Math.max(this.#target ?? slot, slot);
    this.#watch();
  }

  /** Asks `peer`, which has come as far as `reach`, for what is missing here. */
  async learnFrom(peer: ReplicaId, reach: Slot): Promise<void> {
    if (this.#learning || this.#closed) return;
    this.#learning = true;
    try {
      let told: number;
      do {
        const first = this.#firstMissing();
        if (first > reach) return;
        told = await this.#options.peer.learnFrom(peer, first, Math.min(reach, first + learnSlots - 1));
      } while (told > 0);
    } finally {
      this.#learning = false;
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #firstMissing(): Slot {
    return (this.#options.learnedThrough() ?? -1) + 1;
  }

  #hasHole(): boolean {
    return this.#target !== undefined && this.#firstMissing() <= this.#target;
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#closed || !this.#hasHole()) return;
    this.#timer = this.#options.clock.timer(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#timer = undefined;
    if (this.#closed || !this.#hasHole()) return;
    const hole = this.#firstMissing();
    this.#ageTicks = hole === this.#hole ? this.#ageTicks + 1 : 1;
    this.#hole = hole;
    const source = this.#peerThatLearned(hole);
    if (source !== undefined) void this.learnFrom(source.peer, source.through);
    if (this.#ageTicks >= ticksBeforeNoOp) this.#fill(hole);
    this.#watch();
  }

  #peerThatLearned(slot: Slot): { readonly peer: ReplicaId; readonly through: Slot } | undefined {
    const { roster } = this.#options.peer;
    for (const peer of roster.peers) {
      const through = roster.peer(peer).learnedThrough;
      if (through !== undefined && through >= slot) return { peer, through };
    }
    return undefined;
  }

  #fill(hole: Slot): void {
    const { peer, noOp } = this.#options;
    const last = Math.min(this.#target ?? -1, hole + limits.windowSlots - 1);
    for (let slot = hole; slot <= last; slot += 1) {
      if (peer.status(slot).kind === 'pending') peer.start(slot, noOp());
    }
  }
}
