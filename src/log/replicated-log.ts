import type { ReplicaId, Slot } from './ids.js';

/** Deterministic: equal commands in equal order leave equal states and give equal results. */
export interface StateMachine<Result> {
  /**
   * Applies one slot's commands in order and answers a result for each. Called once a slot, in slot order,
   * by the engine alone.
   */
  apply(slot: Slot, commands: readonly Uint8Array[]): Result[];
}

/** Where a log stands. A slot is undefined until there is one. */
export interface LogStatus {
  /** Slots below this one have been forgotten everywhere (rule R3). */
  readonly min: Slot;
  readonly max: Slot | undefined;
  readonly applied: Slot | undefined;
  /** The lowest slot still held here. */
  readonly floor: Slot;
  /** How many slots are held in memory. */
  readonly held: number;
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
  status(): LogStatus;
  close(): Promise<void>;
}
