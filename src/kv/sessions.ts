import type { SessionParameters } from './limits.js';
import { clientId, type ClientId, type Session, type SessionRefusal, type WriteResult } from './operation.js';

/** One session as replicated: what its client has settled, and the replies it may still ask for. */
interface SessionEntry {
  acknowledgedThrough: number;
  readonly replies: Map<number, WriteResult>;
  repliesBytes: number;
}

/** What a recorded reply weighs beside its text. */
const replyOverheadBytes = 64;

const weightOf = (result: WriteResult): number =>
  replyOverheadBytes + (result.kind === 'put-hash' ? Buffer.byteLength(result.previousValue, 'utf8') : 0);

/** What the table says to a write. */
export type Judgement =
  | { readonly kind: 'run' }
  | { readonly kind: 'recorded'; readonly result: WriteResult }
  | { readonly kind: 'refused'; readonly refusal: SessionRefusal; readonly detail: string };

/**
 * The sessions of the replicated state (rule R8): judged at apply, in log order, on every replica alike. No clock
 * ends a session; past the bounds the one used least recently in log order does.
 */
export class Sessions {
  /** In order of use: the first is the one used least recently. */
  readonly #entries = new Map<ClientId, SessionEntry>();
  #nextClientId = 1;
  #repliesBytes = 0;

  constructor(private readonly parameters: SessionParameters) {}

  get size(): number {
    return this.#entries.size;
  }

  get repliesBytes(): number {
    return this.#repliesBytes;
  }

  get nextClientId(): number {
    return this.#nextClientId;
  }

  /** Issues the next id, ending the least recently used session if there are too many. */
  open(): ClientId {
    const id = clientId(this.#nextClientId);
    this.#nextClientId += 1;
    this.#entries.set(id, { acknowledgedThrough: 0, replies: new Map(), repliesBytes: 0 });
    if (this.#entries.size > this.parameters.sessionLimit) this.#endLeastRecentlyUsed();
    return id;
  }

  /** Ends a session; one that has ended already is no error. */
  close(id: ClientId): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#repliesBytes -= entry.repliesBytes;
  }

  /** Whether a write may run, in the order of rule R8: acknowledge, settled before, recorded, room for its reply. */
  judge({ clientId: id, sequence, acknowledgedThrough }: Session): Judgement {
    if (id >= this.#nextClientId) {
      return {
        kind: 'refused',
        refusal: 'never-issued',
        detail: `session ${id} was never issued; call OpenSession`,
      };
    }
    const entry = this.#entries.get(id);
    if (entry === undefined) {
      return { kind: 'refused', refusal: 'expired', detail: `session ${id} has ended; call OpenSession` };
    }
    this.#use(id, entry);
    this.#acknowledge(entry, acknowledgedThrough);
    if (sequence <= entry.acknowledgedThrough) {
      return {
        kind: 'refused',
        refusal: 'already-acknowledged',
        detail: `sequence ${sequence} of session ${id} is acknowledged already, through ${entry.acknowledgedThrough}`,
      };
    }
    const result = entry.replies.get(sequence);
    if (result !== undefined) return { kind: 'recorded', result };
    const { sessionRepliesLimitBytes } = this.parameters;
    if (entry.repliesBytes > sessionRepliesLimitBytes && sequence !== entry.acknowledgedThrough + 1) {
      return {
        kind: 'refused',
        refusal: 'replies-full',
        detail:
          `session ${id} holds ${entry.repliesBytes} bytes of replies; the limit is ${sessionRepliesLimitBytes}. ` +
          'Acknowledge what has arrived and retry',
      };
    }
    return { kind: 'run' };
  }

  /** Records what a write answered, so that every copy of it is answered alike. */
  record({ clientId: id, sequence }: Session, result: WriteResult): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.replies.has(sequence)) {
      throw new Error(`session ${id} cannot record sequence ${sequence}: it was not judged to run`);
    }
    const bytes = weightOf(result);
    entry.replies.set(sequence, result);
    entry.repliesBytes += bytes;
    this.#repliesBytes += bytes;
    while (this.#repliesBytes > this.parameters.repliesLimitBytes) this.#endLeastRecentlyUsed();
  }

  #use(id: ClientId, entry: SessionEntry): void {
    this.#entries.delete(id);
    this.#entries.set(id, entry);
  }

  #acknowledge(entry: SessionEntry, through: number): void {
    if (through <= entry.acknowledgedThrough) return;
    entry.acknowledgedThrough = through;
    for (const [sequence, result] of entry.replies) {
      if (sequence > through) continue;
      entry.replies.delete(sequence);
      const bytes = weightOf(result);
      entry.repliesBytes -= bytes;
      this.#repliesBytes -= bytes;
    }
  }

  #endLeastRecentlyUsed(): void {
    const [id] = this.#entries.keys();
    if (id !== undefined) this.close(id);
  }
}
