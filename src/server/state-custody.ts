import type { KeyValueStateMachine } from '../kv/state-machine.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import type { Roster } from '../log/roster.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Checkpoints } from './checkpoints.js';
import type { DataDirectory } from './data-directory.js';
import type { Hello } from './hello.js';
import { SnapshotKeeper, type KeeperStorage, type LogLimits } from './snapshot-keeper.js';
import { SnapshotPuller } from './snapshot-puller.js';
import { SnapshotSource } from './snapshot-source.js';
import type { SnapshotLink } from './snapshot-transfer.js';

export interface StateCustodyOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, SnapshotLink>;
  readonly state: KeyValueStateMachine;
  readonly log: ReplicatedLog<unknown>;
  readonly checkpoints: Checkpoints;
  readonly directory: DataDirectory | undefined;
  readonly storage: KeeperStorage | undefined;
  readonly limits: LogLimits;
  /** State through this slot is nowhere on this disk and must come from a peer. */
  readonly missingThrough: Slot | undefined;
  /** A peer heard within this time is within reach. */
  readonly recentMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failed: (error: unknown) => void;
}

/**
 * What keeps the replicated state whole while replicas come and go: its snapshots are written here, handed to peers that
 * have fallen behind, and pulled from them, and its log is cut.
 */
export class StateCustody {
  readonly source: SnapshotSource;
  readonly #options: StateCustodyOptions;
  readonly #puller: SnapshotPuller;
  readonly #keeper: SnapshotKeeper;

  constructor(options: StateCustodyOptions) {
    this.#options = options;
    const { directory, checkpoints } = options;
    this.source = new SnapshotSource({ ...options, unfit: () => this.#unfitToServe() });
    this.#puller = new SnapshotPuller({
      ...options,
      snapshots: directory?.snapshots,
      releaseReserve: async () => directory?.log.releaseReserve(),
      installed: async () => directory?.suspect.clear(),
    });
    this.#keeper = new SnapshotKeeper({
      ...options,
      agreedThrough: () => checkpoints.agreed?.slot,
      neededThrough: () => this.#learnedByPeersInReach(),
      transfersFrom: () => this.source.transfersFrom(),
    });
  }

  start(): void {
    const { missingThrough } = this.#options;
    this.#keeper.start();
    if (missingThrough !== undefined) this.#puller.need(missingThrough);
  }

  /** Resolves when no snapshot is being written any more. */
  async close(): Promise<void> {
    await Promise.all([this.#keeper.close(), this.#puller.close()]);
  }

  /** Whether a snapshot is being pulled now. */
  get pulling(): boolean {
    return this.#puller.pulling;
  }

  /** A peer no longer holds the log below `floor`, and this replica needs it. */
  behind(peer: ReplicaId, floor: Slot): void {
    this.#puller.need(floor - 1, peer);
  }

  /** A peer has told where it stands. */
  heard(peer: ReplicaId, { checkpoint }: Hello): void {
    const { checkpoints, roster } = this.#options;
    if (checkpoint !== undefined) checkpoints.heard(peer, checkpoint);
    const { learnedThrough } = roster.peer(peer);
    if (learnedThrough !== undefined) this.source.learned(peer, learnedThrough);
  }

  /**
   * A snapshot is served by a replica whose last checkpoint that a majority has reported on is the majority's (rule R13).
   * One that differs has stopped. Where no majority has reported, because the others are away or need this very snapshot,
   * it is served all the same: they could never report without it.
   */
  #unfitToServe(): string | undefined {
    const { missingThrough, log, roster, checkpoints } = this.#options;
    if (missingThrough !== undefined && (log.applied ?? -1) < missingThrough) {
      return `replica ${roster.me} has no state yet`;
    }
    const { disputed } = checkpoints;
    if (disputed === undefined) return undefined;
    return `the replicas differ at slot ${disputed}, and no majority shares the state of replica ${roster.me}`;
  }

  #learnedByPeersInReach(): (Slot | undefined)[] {
    const { roster, recentMs } = this.#options;
    return roster.peers
      .map((peer) => roster.peer(peer))
      .filter(({ heardMsAgo }) => (heardMsAgo ?? Infinity) <= recentMs)
      .map(({ learnedThrough }) => learnedThrough);
  }
}
