/**
 * What one step of an engine gives out (rule R2). A message in `afterSync` may leave only once the journal is
 * synced through its end as it stood when the step ran, also when the step itself wrote nothing: a duplicate
 * Accept must not acknowledge a record that is still in flight.
 */
export interface Step<Entry, Message> {
  /** What must be on disk, in order. */
  readonly records: readonly Entry[];
  /** May leave at once: decisions, and answers that promise nothing. */
  readonly atOnce: readonly Message[];
  /** Promises, votes, and every answer that repeats one. */
  readonly afterSync: readonly Message[];
}

/** Where an engine's records go. */
export interface Journal<Entry> {
  /**
   * Whether records can be taken. Without room for the next segment it is false, and an engine gives no answer that
   * needs a record and takes no new work (rule R15).
   */
  readonly hasSpace: boolean;
  /** Appends `records` and resolves when the journal is synced through its present end. */
  append(records: readonly Entry[]): Promise<void>;
  /**
   * Appends records that nobody waits for: they ride in the next frame, or make one soon after. Resolves when they are
   * synced; without space, once there is room for them again.
   */
  appendLazily(records: readonly Entry[]): Promise<void>;
}

/** Keeps nothing: there is no disk to wait for, so what must follow a sync leaves at once. */
export function memoryJournal<Entry>(): Journal<Entry> {
  return {
    hasSpace: true,
    append: () => Promise.resolve(),
    appendLazily: () => Promise.resolve(),
  };
}

/**
 * Lets the single reply of a step out when rule R2 allows it; there is no other way to get at the reply. Records of a
 * step whose reply may leave at once are waited for by nobody. `failed` is told when the journal fails after the reply
 * has left.
 */
export async function releaseReply<Entry, Reply>(
  journal: Journal<Entry>,
  step: Step<Entry, Reply>,
  failed: (error: unknown) => void,
): Promise<Reply> {
  const [now] = step.atOnce;
  if (now !== undefined) {
    if (step.records.length > 0) journal.appendLazily(step.records).catch(failed);
    return now;
  }
  await journal.append(step.records);
  const [later] = step.afterSync;
  if (later === undefined) throw new Error('a step without a reply has nothing to release');
  return later;
}
