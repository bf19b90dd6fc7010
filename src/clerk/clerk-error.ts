import type { CallReason } from '../rpc/call-error.js';

/** Why a call of a clerk failed. */
export type ClerkErrorKind =
  /** The key or value cannot be stored; nothing was sent. */
  | 'invalid'
  /** The store refused it; `reason` says why. */
  | 'refused'
  /** The deadline of the call passed. */
  | 'timed-out'
  /** The caller's signal aborted, or the clerk was closed. */
  | 'aborted'
  /** The session ended while the call was under way. */
  | 'session-ended';

/** The last failure at each endpoint that was tried. */
export interface EndpointFailure {
  readonly endpoint: string;
  readonly problem: string;
}

export interface ClerkErrorDetails {
  readonly kind: ClerkErrorKind;
  readonly message: string;
  /** `not-executed` is certain; `unknown` is the worst of all attempts: it may have run, or may yet. */
  readonly outcome: 'not-executed' | 'unknown';
  readonly reason?: CallReason;
  readonly failures: readonly EndpointFailure[];
}

/** A call that a clerk gave up. */
export class ClerkError extends Error {
  readonly kind: ClerkErrorKind;
  readonly outcome: 'not-executed' | 'unknown';
  readonly reason: CallReason | undefined;
  readonly failures: readonly EndpointFailure[];

  constructor(details: ClerkErrorDetails) {
    super(details.message);
    this.name = 'ClerkError';
    this.kind = details.kind;
    this.outcome = details.outcome;
    this.reason = details.reason;
    this.failures = details.failures;
  }
}
