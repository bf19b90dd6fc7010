/** How the command ends. Part of its interface: docs/interface.md lists the same numbers. */
export const exitCodes = {
  /** Done, or ended by Ctrl-C. */
  done: 0,
  /** `get` found no such key. */
  keyMissing: 1,
  /** No replica answered, or none in time. */
  unreachable: 2,
  /** The store refused the operation. */
  refused: 3,
  /** `check` found answers that no order of the calls explains; a seed of `sim` failed. */
  violated: 4,
  /** `check` came to no verdict; in the seeds of `sim` too little happened for one. */
  noVerdict: 5,
  /** The command line is wrong. */
  usage: 64,
  /** The address to listen on is in use or not of this machine. */
  cannotListen: 69,
  /** A fault of this software, or a replica that had to stop. */
  internal: 70,
  /** The disk failed, or what is on it cannot be trusted. Final: starting again does not help. */
  storage: 74,
  /** The data directory does not fit: of another replica or cluster, in use, or not the one the cluster knows. */
  directory: 78,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
