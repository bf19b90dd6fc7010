/** Sizes that every replica shares; they are constants, since a limit that differs per replica forks the state. */
export const limits = {
  /** One command in the log: a value, a key and what identifies them. */
  commandBytes: 1024 * 1024 + 8 * 1024,
  /** The commands of one batch together, unless it is a single command. */
  batchBytes: 1024 * 1024,
  /** Commands waiting at one replica to be packed into a batch. */
  queueBytes: 64 * 1024 * 1024,
  peerMessageBytes: 4 * 1024 * 1024,
  /** Decided values in one answer to Learn, unless it is a single slot. */
  learnPageBytes: 1024 * 1024,
  /** Slots a replica may start above the one it applied last. */
  windowSlots: 64,
  /** A slot or round this far above one's own is garbled, not news. */
  plausibleLead: 2 ** 40,
} as const;
