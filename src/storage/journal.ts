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
  /** Appends `records` and resolves when the journal is synced through its present end. */
  append(records: readonly Entry[]): Promise<void>;
}

/** Keeps nothing: there is no disk to wait for, so what must follow a sync leaves at once. */
export function memoryJournal<Entry>(): Journal<Entry> {
  return { append: () => Promise.resolve() };
}

/**
 * Lets the single reply of a step out when rule R2 allows it; there is no other way to get at the reply. `failed` is
 * told when the journal fails after the reply has left.
 */
export async function releaseReply<Entry, Reply>(
  journal: Journal<Entry>,
  step: Step<Entry, Reply>,
  failed: (error: unknown) => void,
): Promise<Reply> {
  const written = journal.append(step.records);
  const [now] = step.atOnce;
  if (now !== undefined) {
    written.catch(failed);
    return now;
  }
  await written;
  const [later] = step.afterSync;
  if (later === undefined) throw new Error('a step without a reply has nothing to release');
  return later;
}
