import type { CallError } from '../rpc/call-error.js';

/** Whether an attempt that failed can have executed. */
export type Executed = 'no' | 'unknown';

/** What a clerk does after an attempt that failed. */
export type Verdict =
  /** Another attempt cannot help. */
  | { readonly kind: 'final' }
  /** Nor can it have run earlier or run later: the refusal is on record as the answer of this write (rule R8). */
  | { readonly kind: 'recorded' }
  | { readonly kind: 'next-replica'; readonly executed: Executed }
  | { readonly kind: 'other-replica'; readonly address: string; readonly executed: Executed }
  | { readonly kind: 'wait'; readonly ms: number; readonly executed: Executed }
  | { readonly kind: 'session-expired' };

/** A failure that another attempt of the same request may mend. */
export type RetryVerdict = Extract<Verdict, { readonly executed: Executed }>;

/** A failure that it cannot. */
export type FinalVerdict = Exclude<Verdict, RetryVerdict>;

/** The table of gRPC codes and reasons, as a clerk reads it. */
export function verdictOn({ code, reason, retryAfterMs, leader }: CallError): Verdict {
  switch (code) {
    case 'FAILED_PRECONDITION':
      if (reason === 'VALUE_LIMIT') return { kind: 'recorded' };
      return reason === 'SESSION_EXPIRED' ? { kind: 'session-expired' } : { kind: 'final' };
    case 'RESOURCE_EXHAUSTED':
      // The others may have room.
      if (reason === 'DISK_FULL') return { kind: 'next-replica', executed: 'no' };
      // What is full of recorded replies may hold this very one: a copy sent before can have run.
      return retryAfterMs === undefined
        ? { kind: 'final' }
        : { kind: 'wait', ms: retryAfterMs, executed: reason === 'REPLIES_FULL' ? 'unknown' : 'no' };
    case 'UNAVAILABLE': {
      const executed = reason === 'NOT_PROPOSED' ? 'no' : 'unknown';
      return leader === undefined
        ? { kind: 'next-replica', executed }
        : { kind: 'other-replica', address: leader, executed };
    }
    case 'DEADLINE_EXCEEDED':
    case 'CANCELLED':
    case 'INTERNAL':
      return { kind: 'next-replica', executed: 'unknown' };
    case 'INVALID_ARGUMENT':
    case 'NOT_FOUND':
    case 'UNIMPLEMENTED':
    case 'UNKNOWN':
      return { kind: 'final' };
  }
}
