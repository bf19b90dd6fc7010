/**
 * What a key and a value may be. Constants of the state version, never flags: a limit that differs per replica
 * forks the state (rule R14).
 */
export const keyLimitBytes = 4 * 1024;
export const valueLimitBytes = 1024 * 1024;

/** One frame of a Pipeline. */
export const frameLimitOperations = 256;
export const frameLimitBytes = 2 * 1024 * 1024;

/** The state versions whose commands and rules this software can apply, and the one a new cluster begins with. */
export const stateVersions = { minimum: 1, maximum: 1, initial: 1 } as const;

/** Fixed at a cluster's birth and part of its identity, never flags of one replica (rule R8). */
export interface SessionParameters {
  readonly sessionLimit: number;
  /** Recorded replies of all sessions together. */
  readonly repliesLimitBytes: number;
  /** Recorded replies of one session, past which only its lowest open write is let in. */
  readonly sessionRepliesLimitBytes: number;
  /** How far a sequence may lie above what its client has acknowledged. */
  readonly sequenceWindow: number;
}

export const defaultSessionParameters: SessionParameters = {
  sessionLimit: 65_536,
  repliesLimitBytes: 256 * 1024 * 1024,
  sessionRepliesLimitBytes: 8 * 1024 * 1024,
  sequenceWindow: 1024,
};

/** In one line, for those who find that two differ. */
export const describeSessionParameters = (parameters: SessionParameters): string =>
  `${parameters.sessionLimit} sessions, ${parameters.repliesLimitBytes} bytes of replies, ` +
  `${parameters.sessionRepliesLimitBytes} a session, window ${parameters.sequenceWindow}`;
