import { Hash, HashSum, type Lanes } from './digest.js';
import type { MeasuredText } from './measured-text.js';
import type { ClientId, WriteResult } from './operation.js';

/** What a recorded reply weighs beside its text. */
const replyOverheadBytes = 64;

/** A write's answer as recorded. `first` and `second` are its hash. */
export interface RecordedReply extends Lanes {
  readonly sequence: number;
  readonly result: WriteResult;
  /** The text in the result; empty if it has none. */
  readonly text: MeasuredText;
}

/** What the recorded reply counts in the bounds of rule R8: 64 bytes and the previous value it holds. */
export const weightOf = ({ result, text }: RecordedReply): number =>
  replyOverheadBytes + (result.kind === 'put-hash' ? text.bytes : 0);

/** The text that an answer holds. */
export function textOf(result: WriteResult): string {
  switch (result.kind) {
    case 'put':
    case 'append':
      return '';
    case 'put-hash':
      return result.previousValue;
    case 'refused':
      return result.detail;
  }
}

/** Tells the kinds of answers apart in a hash; never changed, since replicas of different age compare digests. */
const kindNumbers = { put: 1, append: 2, 'put-hash': 3, refused: 4 } as const;

export function recordedReply(sequence: number, result: WriteResult, text: MeasuredText): RecordedReply {
  const { first, second } = new Hash()
    .number(sequence)
    .number(kindNumbers[result.kind])
    .lanes(text)
    .number(text.bytes)
    .finish();
  return { sequence, result, text, first, second };
}

/** One session as replicated: what its client has settled, and the replies it may still ask for. */
export class SessionEntry {
  readonly #replies: Map<number, RecordedReply>;
  readonly #sum = new HashSum();
  #repliesBytes = 0;

  /** @param age how many views were taken of the table before this entry was made; see `Sessions` */
  constructor(
    readonly id: ClientId,
    public acknowledgedThrough: number,
    /** The count of uses at which it was used last. */
    public usedAt: number,
    readonly age: number,
    replies: Iterable<RecordedReply> = [],
  ) {
    this.#replies = new Map();
    for (const reply of replies) this.record(reply);
  }

  get repliesBytes(): number {
    return this.#repliesBytes;
  }

  reply(sequence: number): RecordedReply | undefined {
    return this.#replies.get(sequence);
  }

  /** By sequence. */
  replies(): RecordedReply[] {
    return [...this.#replies.values()].sort((one, other) => one.sequence - other.sequence);
  }

  /** Answers the weight of the reply. */
  record(reply: RecordedReply): number {
    const bytes = weightOf(reply);
    this.#replies.set(reply.sequence, reply);
    this.#sum.add(reply);
    this.#repliesBytes += bytes;
    return bytes;
  }

  /** Frees the replies up to `through`; answers their weight. */
  acknowledge(through: number): number {
    if (through <= this.acknowledgedThrough) return 0;
    const bytesBefore = this.#repliesBytes;
    this.acknowledgedThrough = through;
    for (const reply of this.#replies.values()) {
      if (reply.sequence > through) continue;
      this.#replies.delete(reply.sequence);
      this.#sum.subtract(reply);
      this.#repliesBytes -= weightOf(reply);
    }
    return bytesBefore - this.#repliesBytes;
  }

  /** Over all of it: id, what is acknowledged, order of use and replies. */
  hash(): Lanes {
    return new Hash()
      .number(this.id)
      .number(this.acknowledgedThrough)
      .number(this.usedAt)
      .number(this.#replies.size)
      .lanes(this.#sum)
      .finish();
  }

  copy(age: number): SessionEntry {
    return new SessionEntry(this.id, this.acknowledgedThrough, this.usedAt, age, this.#replies.values());
  }
}
