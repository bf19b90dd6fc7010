import type { ReplicaId, Slot } from './ids.js';

/** Deterministic: equal commands in equal order leave equal states and give equal results. */
export interface StateMachine {
  /**
   * Applies one slot's commands in order and answers a result for each. Called once a slot, in slot order,
   * by the engine alone.
   */
  apply(slot: Slot, commands: readonly Uint8Array[]): unknown[];
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

/** An engine, built with one state machine. */
export interface ReplicatedLog {
  /**
   * Enters a command into the log and resolves with the result of its first apply. Aborting `signal` stops
   * the wait; it withdraws nothing that was proposed.
   * @throws LogError
   */
  propose(command: Uint8Array, signal: AbortSignal): Promise<unknown>;
  /**
   * After it resolves, a read of local state in the same turn is linearizable.
   * @throws LogError
   */
  readBarrier(signal: AbortSignal): Promise<void>;
  /** Catches up with a peer that says it has come as far as `reach`. */
  heardReach(peer: ReplicaId, reach: Slot | undefined): void;
  status(): LogStatus;
  close(): Promise<void>;
}
