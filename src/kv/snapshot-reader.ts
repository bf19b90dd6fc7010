import { keyLimitBytes, valueLimitBytes } from './limits.js';
import { joined, measured, type MeasuredText } from './measured-text.js';
import { recordedReply, textOf } from './session-entry.js';
import type { RestoredSession } from './sessions.js';
import {
  InvalidSnapshot,
  type EntryPart,
  type Opening,
  type Part,
  type ReplyPart,
  type SessionPart,
} from './snapshot-parts.js';

/** Takes what a snapshot holds, whole and in order. */
export interface SnapshotSink {
  opening(opening: Opening): void;
  session(session: RestoredSession): void;
  entry(key: string, value: MeasuredText): void;
}

interface OpenReply {
  readonly sequence: number;
  readonly result: ReplyPart['result'];
  readonly text: MeasuredText;
}

interface OpenSession extends Omit<SessionPart, 'replies'> {
  readonly replies: OpenReply[];
}

interface OpenEntry {
  readonly key: string;
  readonly value: MeasuredText;
}

type Phase =
  | { readonly kind: 'before' }
  | { readonly kind: 'sessions' | 'entries'; readonly opening: Opening }
  | { readonly kind: 'closed'; readonly opening: Opening; readonly seal: Uint8Array };

function check(holds: boolean, problem: () => string): void {
  if (!holds) throw new InvalidSnapshot(problem());
}

/**
 * Puts the parts of a snapshot together again: what was split over pieces is joined, and order, counts and limits
 * are checked. Whether the contents are those that were written only the digest tells.
 */
export class SnapshotReader {
  #phase: Phase = { kind: 'before' };
  #session: OpenSession | undefined;
  #entry: OpenEntry | undefined;
  #sessionCount = 0;
  #entryCount = 0;

  constructor(private readonly sink: SnapshotSink) {}

  /** The opening and the seal once all is there. */
  get whole(): { readonly opening: Opening; readonly seal: Uint8Array } | undefined {
    return this.#phase.kind === 'closed' ? this.#phase : undefined;
  }

  /** @throws InvalidSnapshot if the part cannot follow those before */
  take(part: Part): void {
    const phase = this.#phase;
    switch (phase.kind) {
      case 'before':
        check(part.kind === 'opening', () => `it begins with ${part.kind}, not with its opening`);
        if (part.kind === 'opening') this.#open(part.opening);
        return;
      case 'sessions':
      case 'entries':
        this.#takeInside(phase.opening, phase.kind, part);
        return;
      case 'closed':
        throw new InvalidSnapshot(`${part.kind} come after its end`);
    }
  }

  #open(opening: Opening): void {
    this.sink.opening(opening);
    this.#phase = { kind: 'sessions', opening };
  }

  #takeInside(opening: Opening, kind: 'sessions' | 'entries', part: Part): void {
    switch (part.kind) {
      case 'opening':
        throw new InvalidSnapshot('it has a second opening');
      case 'sessions':
        check(kind === 'sessions', () => 'sessions come after entries');
        check(part.sessions.length > 0, () => 'a piece is empty');
        for (const [index, session] of part.sessions.entries())
          this.#takeSession(opening, session, index === 0);
        return;
      case 'entries':
        this.#endSession();
        this.#phase = { kind: 'entries', opening };
        check(part.entries.length > 0, () => 'a piece is empty');
        this.#takeEntries(part.entries);
        return;
      case 'closing':
        this.#endSession();
        this.#endEntry();
        this.#checkCounts(opening);
        this.#phase = { kind: 'closed', opening, seal: part.seal };
    }
  }

  #checkCounts({ sessionCount, entryCount }: Opening): void {
    const problem = (name: string, found: number, expected: number) => () =>
      `it has ${found} ${name}; its opening says ${expected}`;
    check(this.#sessionCount === sessionCount, problem('sessions', this.#sessionCount, sessionCount));
    check(this.#entryCount === entryCount, problem('entries', this.#entryCount, entryCount));
  }

  #takeEntries(parts: readonly EntryPart[]): void {
    let mayGoOn = true;
    for (const { key, value } of parts) {
      const before = this.#entry;
      if (mayGoOn && before?.key === key) {
        check(value !== '', () => `the value of "${key}" goes on with nothing`);
        this.#entry = { key, value: joined(before.value, value) };
      } else {
        check(before === undefined || key > before.key, () => `key "${key}" is out of order`);
        this.#endEntry();
        this.#entry = { key, value: measured(value) };
        this.#entryCount += 1;
      }
      mayGoOn = false;
    }
  }

  /** The entry stays as the one that the next is compared with. */
  #endEntry(): void {
    if (this.#entry === undefined) return;
    const { key, value } = this.#entry;
    checkText('key', Buffer.byteLength(key, 'utf8'), keyLimitBytes);
    checkText('value', value.bytes, valueLimitBytes);
    check(key !== '', () => 'it has an empty key');
    this.sink.entry(key, value);
  }

  #takeSession(opening: Opening, part: SessionPart, mayGoOn: boolean): void {
    const before = this.#session;
    if (mayGoOn && before?.id === part.id) {
      this.#goOn(opening, before, part);
      return;
    }
    const { id, acknowledgedThrough, usedAt } = part;
    check(
      usedAt > (before?.usedAt ?? 0) && usedAt <= opening.sessionUses,
      () => `session ${id} is out of the order of use`,
    );
    check(
      id < opening.nextClientId,
      () => `session ${id} is not below ${opening.nextClientId}, the next to be issued`,
    );
    this.#endSession();
    const session: OpenSession = { id, acknowledgedThrough, usedAt, replies: [] };
    this.#session = session;
    this.#sessionCount += 1;
    for (const reply of part.replies) takeReply(opening, session, reply);
  }

  #goOn(opening: Opening, session: OpenSession, part: SessionPart): void {
    const { id, acknowledgedThrough, usedAt } = session;
    check(
      part.acknowledgedThrough === acknowledgedThrough && part.usedAt === usedAt,
      () => `session ${id} goes on as another`,
    );
    const [first, ...rest] = part.replies;
    check(first !== undefined, () => `session ${id} goes on with nothing`);
    if (first === undefined) return;
    const last = session.replies.at(-1);
    if (last?.sequence === first.sequence) session.replies.splice(-1, 1, goneOn(last, first));
    else takeReply(opening, session, first);
    for (const reply of rest) takeReply(opening, session, reply);
  }

  #endSession(): void {
    if (this.#session === undefined) return;
    const { replies, ...counters } = this.#session;
    this.#session = undefined;
    this.sink.session({
      ...counters,
      replies: replies.map(({ sequence, result, text }) => recordedReply(sequence, result, text)),
    });
  }
}

const checkText = (name: string, bytes: number, limitBytes: number): void =>
  check(bytes <= limitBytes, () => `it has a ${name} of ${bytes} bytes; the limit is ${limitBytes}`);

function takeReply(opening: Opening, session: OpenSession, { sequence, result }: ReplyPart): void {
  const lowest = session.replies.at(-1)?.sequence ?? session.acknowledgedThrough;
  const highest = session.acknowledgedThrough + opening.sessionParameters.sequenceWindow;
  check(
    sequence > lowest && sequence <= highest,
    () => `sequence ${sequence} of session ${session.id} is outside ${lowest + 1} to ${highest}`,
  );
  session.replies.push({ sequence, result, text: measured(textOf(result)) });
}

/** A reply whose text began in the piece before. */
function goneOn({ sequence, text: before }: OpenReply, { result }: ReplyPart): OpenReply {
  check(
    result.kind === 'put-hash' && result.previousValue !== '',
    () => `the reply to sequence ${sequence} goes on with no text`,
  );
  const text = joined(before, textOf(result));
  checkText('reply', text.bytes, valueLimitBytes);
  return { sequence, result: { kind: 'put-hash', previousValue: text.text }, text };
}
