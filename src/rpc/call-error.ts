/** The gRPC codes that Synod itself answers with or tells apart. */
export type CallCode =
  | 'CANCELLED'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'UNKNOWN';

/** `ErrorInfo.reason`: what a client can act on, finer than the code. */
export type CallReason =
  | 'BAD_REQUEST'
  | 'SESSION_NEVER_ISSUED'
  | 'SEQUENCE_OUTSIDE_WINDOW'
  | 'SESSION_EXPIRED'
  | 'ALREADY_ACKNOWLEDGED'
  | 'VALUE_LIMIT'
  | 'NOT_PROPOSED'
  | 'OUTCOME_UNKNOWN'
  | 'QUEUE_FULL'
  | 'REPLIES_FULL'
  | 'PEER_REFUSED'
  | 'CHANGED_INCARNATION'
  | 'DISK_FULL'
  | 'UNKNOWN';

export interface CallErrorDetails {
  readonly code: CallCode;
  readonly reason: CallReason;
  readonly message: string;
  /** Trailer `synod-retry-after-ms`; with it RESOURCE_EXHAUSTED is worth another try. */
  readonly retryAfterMs?: number;
  /** Trailer `synod-leader`: the address to go to instead. */
  readonly leader?: string;
}

/** A call that failed, on either side of the wire. */
export class CallError extends Error {
  readonly code: CallCode;
  readonly reason: CallReason;
  readonly retryAfterMs: number | undefined;
  readonly leader: string | undefined;

  constructor(details: CallErrorDetails) {
    super(details.message);
    this.name = 'CallError';
    this.code = details.code;
    this.reason = details.reason;
    this.retryAfterMs = details.retryAfterMs;
    this.leader = details.leader;
  }
}

/** Anything caught, as the error that a caller may be shown. */
export function toCallError(cause: unknown): CallError {
  if (cause instanceof CallError) return cause;
  return new CallError({
    code: 'INTERNAL',
    reason: 'UNKNOWN',
    message: `internal error: ${cause instanceof Error ? cause.message : String(cause)}`,
  });
}
