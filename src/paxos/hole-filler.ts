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

  /** As `mustReach`, for somebody who waits: a peer that is known to have learned so far is asked at once. */
  reachNow(slot: Slot): void {
    this.mustReach(slot);
    const source = this.#peerThatLearned(this.#firstMissing());
    if (source !== undefined) void this.learnFrom(source.peer, source.through);
  }

  /** Asks `peer`, which has come as far as `reach`, for what is missing here. */
  async learnFrom(peer: ReplicaId, reach: Slot): Promise<void> {
    if (this.#learning || this.#closed) return;
    this.#learning = true;
    try {
      await this.#learnPages(peer, reach);
    } finally {
      this.#learning = false;
    }
  }

  /** Page after page; what the peer has forgotten is passed over, once it has said so. */
  async #learnPages(peer: ReplicaId, reach: Slot): Promise<void> {
    const { peer: own } = this.#options;
    let next = this.#firstMissing();
    while (next <= reach && !this.#isClosed()) {
      // Of a slot below its floor it tells nothing; but that it is so must be heard again while it is wanted.
      const last = next < own.floorOf(peer) ? next : Math.min(reach, next + learnSlots - 1);
      const told = await own.learnFrom(peer, next, last);
      const floor = own.floorOf(peer);
      if (next < floor) next = this.#missingFrom(floor);
      else if (told === undefined) return;
      else next = this.#missingFrom(Math.max(told, next) + 1);
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #firstMissing(): Slot {
    return (this.#options.learnedThrough() ?? -1) + 1;
  }

  #missingFrom(slot: Slot): Slot {
    let missing = Math.max(slot, this.#firstMissing());
    while (this.#options.peer.status(missing).kind === 'decided') missing += 1;
    return missing;
  }

  /** A call, because the compiler takes the field for unchanged across an await. */
  #isClosed(): boolean {
    return this.#closed;
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

  /** A peer that has learned `slot` and is not known to have forgotten it. */
  #peerThatLearned(slot: Slot): { readonly peer: ReplicaId; readonly through: Slot } | undefined {
    const { peer: own } = this.#options;
    for (const peer of own.roster.peers) {
      const through = own.roster.peer(peer).learnedThrough;
      if (through !== undefined && through >= slot && own.floorOf(peer) <= slot) return { peer, through };
    }
    return undefined;
  }

  /** Starts no-ops, but not where a peer has forgotten: the slot is decided, and that peer would end the proposal. */
  #fill(hole: Slot): void {
    const { peer, noOp } = this.#options;
    const forgotten = Math.max(...peer.roster.peers.map((id) => peer.floorOf(id)), 0);
    const last = Math.min(this.#target ?? -1, hole + limits.windowSlots - 1);
    for (let slot = Math.max(hole, forgotten); slot <= last; slot += 1) {
      if (peer.status(slot).kind === 'pending') peer.start(slot, noOp());
    }
  }
}
