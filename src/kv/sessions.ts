import sortedBTree from 'sorted-btree';
import { HashSum, type Lanes } from './digest.js';
import type { SessionParameters } from './limits.js';
import { measured, type MeasuredText } from './measured-text.js';
import { clientId, type ClientId, type Session, type SessionRefusal, type WriteResult } from './operation.js';
import { recordedReply, SessionEntry, textOf, type RecordedReply } from './session-entry.js';

/** What the table says to a write. */
export type Judgement =
  | { readonly kind: 'run' }
  | { readonly kind: 'recorded'; readonly result: WriteResult }
  | { readonly kind: 'refused'; readonly refusal: SessionRefusal; readonly detail: string };

/** The table as it stood at one time. */
export interface SessionsView {
  readonly size: number;
  readonly sum: Lanes;
  readonly nextClientId: number;
  readonly uses: number;
  /** In order of use: the first is the one used least recently. */
  entries(): Iterable<SessionEntry>;
}

/** One session of a snapshot. */
export interface RestoredSession {
  readonly id: ClientId;
  readonly acknowledgedThrough: number;
  readonly usedAt: number;
  readonly replies: readonly RecordedReply[];
}

/** So many at most, so that settling them takes no longer than a few writes. */
const unsettledLimit = 256;

const compareUses = (one: number, other: number): number => one - other;

/**
 * The sessions of the replicated state (rule R8): judged at apply, in log order, on every replica alike. No clock
 * ends a session; past the bounds the one used least recently in log order does.
 *
 * A view shares the entries with the table, so each entry knows its age, and one made before the newest view is
 * copied before it is changed.
 */
export class Sessions {
  readonly #entries = new Map<ClientId, SessionEntry>();
  /** The settled entries by `usedAt`, and the sum of their hashes. */
  readonly #byUse = new sortedBTree.default<number, SessionEntry>(undefined, compareUses);
  readonly #sum = new HashSum();
  /** Those that changed lately, and will again: they take their place in order and sum when that is asked for. */
  readonly #unsettled = new Set<SessionEntry>();
  #nextClientId: number;
  #uses: number;
  #repliesBytes = 0;
  #age = 0;

  /** @param counters of a snapshot; those of an empty state otherwise */
  constructor(
    private readonly parameters: SessionParameters,
    counters: { readonly nextClientId: number; readonly uses: number } = { nextClientId: 1, uses: 0 },
  ) {
    this.#nextClientId = counters.nextClientId;
    this.#uses = counters.uses;
  }

  get size(): number {
    return this.#entries.size;
  }

  get repliesBytes(): number {
    return this.#repliesBytes;
  }

  get nextClientId(): number {
    return this.#nextClientId;
  }

  /** How often any session was opened or judged for; what orders them by use. */
  get uses(): number {
    return this.#uses;
  }

  /** Of all sessions; kept up to date at a cost that does not grow with them. */
  get sum(): Lanes {
    this.#settle();
    return this.#sum;
  }

  /** Issues the next id, ending the least recently used session if there are too many. */
  open(): ClientId {
    const id = clientId(this.#nextClientId);
    this.#nextClientId += 1;
    this.#uses += 1;
    this.#insert(new SessionEntry(id, 0, this.#uses, this.#age));
    if (this.#entries.size > this.parameters.sessionLimit) this.#endLeastRecentlyUsed();
    return id;
  }

  /** Ends a session; one that has ended already is no error. */
  close(id: ClientId): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#remove(entry);
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
    const found = this.#entries.get(id);
    if (found === undefined) {
      return { kind: 'refused', refusal: 'expired', detail: `session ${id} has ended; call OpenSession` };
    }
    const entry = this.#use(found, acknowledgedThrough);
    if (sequence <= entry.acknowledgedThrough) {
      return {
        kind: 'refused',
        refusal: 'already-acknowledged',
        detail: `sequence ${sequence} of session ${id} is acknowledged already, through ${entry.acknowledgedThrough}`,
      };
    }
    const recorded = entry.reply(sequence);
    if (recorded !== undefined) return { kind: 'recorded', result: recorded.result };
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

  /**
   * Records what a write answered, so that every copy of it is answered alike.
   * @param text the text in the result, if the caller has measured it already
   */
  record({ clientId: id, sequence }: Session, result: WriteResult, text?: MeasuredText): void {
    const found = this.#entries.get(id);
    if (found === undefined || found.reply(sequence) !== undefined) {
      throw new Error(`session ${id} cannot record sequence ${sequence}: it was not judged to run`);
    }
    const reply = recordedReply(sequence, result, text ?? measured(textOf(result)));
    this.#repliesBytes += this.#changing(found).record(reply);
    while (this.#repliesBytes > this.parameters.repliesLimitBytes) this.#endLeastRecentlyUsed();
  }

  /** What a write was answered, if that is still recorded; changes nothing. */
  recorded({ clientId: id, sequence }: Session): WriteResult | undefined {
    return this.#entries.get(id)?.reply(sequence)?.result;
  }

  /** Adds a session of a snapshot, which was used after all sessions here. */
  restore({ id, acknowledgedThrough, usedAt, replies }: RestoredSession): void {
    if (this.#entries.has(id)) throw new Error(`session ${id} comes twice`);
    this.#insert(new SessionEntry(id, acknowledgedThrough, usedAt, this.#age, replies));
  }

  /** The table as it stands; nothing later shows in it. Taking it costs nothing: what is shared is copied when changed. */
  view(): SessionsView {
    const { first, second } = this.sum;
    const byUse = this.#byUse.clone();
    this.#age += 1;
    return {
      size: byUse.size,
      sum: { first, second },
      nextClientId: this.#nextClientId,
      uses: this.#uses,
      entries: () => byUse.values(),
    };
  }

  /** The same counters without any session. */
  emptied(): Sessions {
    return new Sessions(this.parameters, { nextClientId: this.#nextClientId, uses: this.#uses });
  }

  #use(found: SessionEntry, acknowledgedThrough: number): SessionEntry {
    const entry = this.#changing(found);
    this.#uses += 1;
    entry.usedAt = this.#uses;
    this.#repliesBytes -= entry.acknowledge(acknowledgedThrough);
    return entry;
  }

  /** An entry about to change: itself, or a copy of it in its place if a view may see it. */
  #changing(entry: SessionEntry): SessionEntry {
    if (entry.age === this.#age) {
      if (!this.#unsettled.has(entry)) {
        this.#withdraw(entry);
        this.#unsettle(entry);
      }
      return entry;
    }
    this.#remove(entry);
    const copy = entry.copy(this.#age);
    this.#insert(copy);
    return copy;
  }

  #insert(entry: SessionEntry): void {
    this.#entries.set(entry.id, entry);
    this.#repliesBytes += entry.repliesBytes;
    this.#unsettle(entry);
  }

  #remove(entry: SessionEntry): void {
    this.#entries.delete(entry.id);
    this.#repliesBytes -= entry.repliesBytes;
    if (!this.#unsettled.delete(entry)) this.#withdraw(entry);
  }

  /** Takes a settled entry, which has not changed since, out of order and sum. */
  #withdraw(entry: SessionEntry): void {
    this.#byUse.delete(entry.usedAt);
    this.#sum.subtract(entry.hash());
  }

  #unsettle(entry: SessionEntry): void {
    if (this.#unsettled.size === unsettledLimit) this.#settle();
    this.#unsettled.add(entry);
  }

  #settle(): void {
    for (const entry of this.#unsettled) {
      this.#byUse.set(entry.usedAt, entry);
      this.#sum.add(entry.hash());
    }
    this.#unsettled.clear();
  }

  #endLeastRecentlyUsed(): void {
    this.#settle();
    const usedAt = this.#byUse.minKey();
    const entry = usedAt === undefined ? undefined : this.#byUse.get(usedAt);
    if (entry === undefined || this.#entries.get(entry.id) !== entry) {
      throw new Error('the order in which sessions were used is damaged: rebuild this replica');
    }
    this.#remove(entry);
  }
}
