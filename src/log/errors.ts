/** How far a command had come when its caller stopped waiting. */
export type OutcomeStage = 'proposed' | 'closed-while-proposed';

export type RefusalReason = 'queue-full' | 'command-too-large' | 'no-space';

/** What became of a command that has no result; the few cases a client can act on. */
export type LogFailure =
  /** Certainly not executed: another replica leads, at `hint` if known. */
  | { readonly kind: 'not-leader'; readonly hint: string | undefined }
  /** Certainly not executed. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly detail: string }
  /** Certainly not executed: the caller stopped waiting before the command was proposed. */
  | { readonly kind: 'abandoned' }
  /** It may have been executed, or may yet be. */
  | { readonly kind: 'outcome-unknown'; readonly stage: OutcomeStage }
  /** Certainly not executed: this replica is closing. */
  | { readonly kind: 'closed' };

const describe = (failure: LogFailure): string => {
  switch (failure.kind) {
    case 'not-leader':
      return `not the leader${failure.hint === undefined ? '' : `; try ${failure.hint}`}`;
    case 'refused':
      return failure.detail;
    case 'abandoned':
      return 'the caller stopped waiting before the command was proposed';
    case 'outcome-unknown':
      return 'outcome unknown: the command was proposed but not seen decided';
    case 'closed':
      return 'this replica is closing';
  }
};

/** Rejects `ReplicatedLog.propose` and `readBarrier`. */
export class LogError extends Error {
  constructor(readonly failure: LogFailure) {
    super(describe(failure));
    this.name = 'LogError';
  }
}
