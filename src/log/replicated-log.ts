import type { ReplicaId, Slot } from './ids.js';

/** Where a log stands. A slot is undefined until there is one. */
export interface LogStatus {
  /** Slots below this one have been forgotten everywhere (rule R3). */
  readonly min: Slot;
  readonly max: Slot | undefined;
  readonly applied: Slot | undefined;
  /** The lowest slot still held here. */
  readonly floor: Slot;
  /** How many slots are held in memory, and the bytes of their values. */
  readonly held: number;
  readonly heldBytes: number;
  readonly queuedCommands: number;
  readonly queuedBytes: number;
  /** Slots not yet decided, lowest first, at most 64. */
  readonly open: readonly OpenSlot[];
}

export interface OpenSlot {
  readonly slot: Slot;
  readonly promised: string;
  readonly accepted: string;
  readonly proposing: boolean;
}

/** An engine, built with one state machine whose results it hands out. */
export interface ReplicatedLog<Result> {
  /**
   * Enters a command into the log and resolves with the result of its first apply. Aborting `signal` stops
   * the wait; it withdraws nothing that was proposed.
   * @throws LogError
   */
  propose(command: Uint8Array, signal: AbortSignal): Promise<Result>;
  /** The highest slot voted for or known decided here; what `Hello` tells the peers. */
  readonly reach: Slot | undefined;
  /** The highest slot applied here. */
  readonly applied: Slot | undefined;
  /** Catches up with a peer that says how far it has come. */
  heardReach(peer: ReplicaId, reach: Slot): void;
  /**
   * Resolves when a read of the local state in the same turn is linearizable: it then shows every write that was
   * answered before this call (rule R7).
   * @throws LogError
   */
  readBarrier(signal: AbortSignal): Promise<void>;
  /**
   * Gives up every slot up to `through`, whose effects the caller has in a durable snapshot of its own; it must be
   * applied. Resolves when the floor is durable and what lies below it is dropped (rules R3, R5).
   */
  cut(through: Slot): Promise<void>;
  /**
   * Goes on from a snapshot through `through`, which is durable here: once the floor above it is durable too, calls
   * `install`, ends what was under way at or below it, and applies what follows, all in one turn (rule R12). Does
   * nothing if `through` is applied already.
   */
  install(through: Slot, install: () => void): Promise<void>;
  status(): LogStatus;
  close(): Promise<void>;
}
