import type { Slot } from './ids.js';

/** Deterministic: equal commands in equal order leave equal states and give equal results. */
export interface StateMachine<Result> {
  /**
   * Applies one slot's commands in order and answers a result for each. Called once a slot, in slot order,
   * by the engine alone.
   */
  apply(slot: Slot, commands: readonly Uint8Array[]): Result[];
  /**
   * What a command that ran already was answered, if the state has recorded it. Asked for commands that were under way
   * when a snapshot took the place of the state (rule R12).
   */
  recorded(command: Uint8Array): Result | undefined;
}

/** The whole state as it stood after one slot; later applies do not show in it. */
export interface StateSnapshot {
  /** The last slot applied; undefined before any. */
  readonly through: Slot | undefined;
  /** Equal for equal states, on every replica. */
  readonly digest: Uint8Array;
  /**
   * The snapshot's bytes in pieces of at most 256 KiB, the same pieces each time. Made while they are asked for, each in
   * a few milliseconds, so that a caller can let other work in between.
   * @throws Error at the last piece if the digest of what was written is not `digest` (rule R13)
   */
  chunks(): Iterable<Uint8Array>;
}

/** Takes a snapshot in, beside the state that goes on serving until `install`. */
export interface SnapshotBuilder {
  /** Takes the next piece. @throws Error if it cannot be one */
  take(chunk: Uint8Array): void;
  /** What has been built. @throws Error if the snapshot is not whole or its digest does not match */
  finish(): { readonly through: Slot | undefined; readonly digest: Uint8Array };
  /** Puts the snapshot in the place of the state, in this turn; only after `finish`. */
  install(): void;
}

/** A state machine whose state can be carried elsewhere. */
export interface PortableState {
  snapshot(): StateSnapshot;
  builder(): SnapshotBuilder;
}
