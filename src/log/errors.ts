/** How far a command had come when its caller stopped waiting. */
export type OutcomeStage = 'proposed' | 'closed-while-proposed' | 'leadership-lost';

export type RefusalReason = 'queue-full' | 'command-too-large' | 'no-space';

/** What became of a command that has no result; the few cases a client can act on. */
export type LogFailure =
  /** Certainly not executed: another replica leads, at `hint` if known. `detail` says it in the engine's own words. */
  | { readonly kind: 'not-leader'; readonly hint: string | undefined; readonly detail?: string }
  /** Certainly not executed. */
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly detail: string }
  /** Certainly not executed: the caller stopped waiting before the command was proposed. */
  | { readonly kind: 'abandoned' }
  /** It may have been executed, or may yet be. */
  | { readonly kind: 'outcome-unknown'; readonly stage: OutcomeStage }
  /** Certainly not executed: this replica is closing. */
  | { readonly kind: 'closed' };

/** What a replica answers whose disk is full (rule R15). */
export const noSpace: LogFailure = {
  kind: 'refused',
  reason: 'no-space',
  detail:
    'the disk of this replica is full: it takes no writes until there is space again. Try another replica',
};

const describe = (failure: LogFailure): string => {
  switch (failure.kind) {
    case 'not-leader':
      return `${failure.detail ?? 'not the leader'}${failure.hint === undefined ? '' : `; try ${failure.hint}`}`;
    case 'refused':
      return failure.detail;
    case 'abandoned':
      return 'the caller stopped waiting before the command was proposed';
    case 'outcome-unknown':
      return failure.stage === 'leadership-lost'
        ? 'outcome unknown: this replica ceased to lead before the command was decided. A retry in the same session is safe'
        : 'outcome unknown: the command was proposed but not seen decided';
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
