import type { Operation, Result, WriteResult } from '../kv/operation.js';

/** What the service answers to an operation that ran. */
export type Answer = Extract<Result, { kind: 'get' }> | Exclude<WriteResult, { kind: 'refused' }>;

/** How a call ended. A call that certainly did not execute is no part of a history. */
export type CallEnd =
  | { readonly kind: 'answered'; readonly at: number; readonly answer: Answer }
  /**
   * It may take effect at any time after its call, or never. `gaveUpAt` is when the client stopped waiting, unless it still
   * does; it tells readers where the call stood and has no part in a verdict.
   */
  | { readonly kind: 'unknown'; readonly gaveUpAt?: number | undefined };

/** One operation as its client saw it. */
export interface HistoryEntry {
  /** A client may have several calls under way; who called has no part in a verdict. */
  readonly client: string;
  readonly operation: Operation;
  /** Times are of any one clock that never goes back; operations that touch at one instant are concurrent. */
  readonly calledAt: number;
  readonly end: CallEnd;
}

/** In any order. */
export type History = readonly HistoryEntry[];

/** A history that says of itself what cannot be. */
export class HistoryError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'HistoryError';
  }
}

/** What is wrong with an entry by itself, or undefined. */
export function entryProblem({ operation, calledAt, end }: HistoryEntry): string | undefined {
  if (!Number.isFinite(calledAt)) return `calledAt is ${calledAt}; it must be a finite number`;
  const endedAt = end.kind === 'answered' ? end.at : (end.gaveUpAt ?? calledAt);
  if (!Number.isFinite(endedAt)) return `it ended at ${endedAt}; that must be a finite number`;
  if (endedAt < calledAt) return `it ended at ${endedAt}, before it was called at ${calledAt}`;
  if (end.kind === 'answered' && end.answer.kind !== operation.kind) {
    return `a ${operation.kind} cannot have the answer of a ${end.answer.kind}`;
  }
  return undefined;
}
