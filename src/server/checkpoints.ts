import type { ReplicaId, Slot } from '../log/ids.js';
import type { Checkpoint } from './hello.js';

/** Checkpoints kept of each replica, for comparison with those that are behind or ahead. */
const keptCheckpoints = 64;

/** What the reports on one checkpoint come to. */
export type CheckpointVerdict =
  /** A majority has told one digest, and ours is another: this replica's state is wrong. */
  | { readonly kind: 'diverged'; readonly slot: Slot }
  /** All members have told theirs, and no majority shares one. */
  | { readonly kind: 'no-majority'; readonly slot: Slot };

export interface CheckpointsOptions {
  readonly me: ReplicaId;
  readonly memberCount: number;
  readonly majority: number;
  /** Told once that this replica has diverged, and once for each checkpoint at which there is no majority. */
  readonly told: (verdict: CheckpointVerdict) => void;
}

const textOf = (digest: Uint8Array): string => Buffer.from(digest).toString('hex');

/**
 * Compares the state's digest with the peers' at the same slots (rule R13). A replica that differs from a majority is
 * told so and stops itself; where there is no majority, all are told and nobody stops.
 */
export class Checkpoints {
  readonly #options: CheckpointsOptions;
  /** Digests in hexadecimal, by replica and slot. */
  readonly #reports = new Map<ReplicaId, Map<Slot, string>>();
  #disputed: Slot | undefined;
  #hasDiverged = false;
  /** The last checkpoint that was told to have no majority; of those before it there is no news. */
  #toldThrough = -1;
  #latest: Checkpoint | undefined;
  #agreed: Checkpoint | undefined;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** The last checkpoint this replica has passed. */
  get latest(): Checkpoint | undefined {
    return this.#latest;
  }

  /** The last checkpoint at which a majority, this replica among it, has one digest. */
  get agreed(): Checkpoint | undefined {
    return this.#agreed;
  }

  /**
   * The last checkpoint at which a majority has told its digest and none is shared by one, unless a later one is agreed.
   * Where nobody else can tell his, nothing is disputed.
   */
  get disputed(): Slot | undefined {
    return (this.#disputed ?? -1) > (this.#agreed?.slot ?? -1) ? this.#disputed : undefined;
  }

  /** This replica has passed a checkpoint. */
  passed(checkpoint: Checkpoint): void {
    this.#latest = checkpoint;
    this.#report(this.#options.me, checkpoint);
  }

  /** A peer tells the last checkpoint that it has passed. */
  heard(peer: ReplicaId, checkpoint: Checkpoint): void {
    this.#report(peer, checkpoint);
  }

  #report(replica: ReplicaId, checkpoint: Checkpoint): void {
    const reports = this.#reports.get(replica) ?? new Map<Slot, string>();
    this.#reports.set(replica, reports.set(checkpoint.slot, textOf(checkpoint.digest)));
    for (const slot of reports.keys()) {
      if (reports.size <= keptCheckpoints) break;
      reports.delete(slot);
    }
    this.#judge(checkpoint.slot);
  }

  #judge(slot: Slot): void {
    const { me, majority, memberCount } = this.#options;
    const digests = [...this.#reports.values()].flatMap((reports) => reports.get(slot) ?? []);
    const own = this.#reports.get(me)?.get(slot);
    if (own === undefined) return;
    const shared = digests.find((digest) => digests.filter((other) => other === digest).length >= majority);
    if (shared === own) {
      if (this.#disputed === slot) this.#disputed = undefined;
      if (slot > (this.#agreed?.slot ?? -1)) this.#agreed = { slot, digest: Buffer.from(own, 'hex') };
    } else if (shared !== undefined) {
      this.#tell({ kind: 'diverged', slot });
    } else if (digests.length >= majority) {
      this.#disputed = Math.max(this.#disputed ?? slot, slot);
      if (digests.length === memberCount) this.#tell({ kind: 'no-majority', slot });
    }
  }

  #tell(verdict: CheckpointVerdict): void {
    if (this.#hasDiverged) return;
    if (verdict.kind === 'diverged') this.#hasDiverged = true;
    else if (verdict.slot <= this.#toldThrough) return;
    else this.#toldThrough = verdict.slot;
    this.#options.told(verdict);
  }
}
