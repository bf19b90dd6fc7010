import { logRecord, type LogRecord } from './log-record.js';
import { recordBytes } from './record-codec.js';

/** Who waits for records to be synced. */
export interface Append {
  readonly records: readonly LogRecord[];
  /** What the records take, in bytes. */
  readonly bytes: number;
  /** Nobody is in a hurry: it may wait for company, and for space. */
  readonly lazy: boolean;
  /** Belongs to cutting the log, which may use what is kept for a full disk. */
  readonly cutting: boolean;
  /** Makes every frame from this one on name this segment as the lowest of the log. */
  readonly firstSegment: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** What the next frame is to hold. */
export interface FrameDraft {
  readonly records: LogRecord[];
  /** Appends that are whole with this frame. */
  readonly appends: Append[];
  readonly continues: boolean;
  firstSegment: number | undefined;
}

/** An append of more than one frame, under way. */
interface Transaction {
  readonly append: Append;
  next: number;
}

const begin = logRecord('begin', {});
const end = logRecord('end', {});
const markBytes = recordBytes(begin);

const hasWork = ({ records, firstSegment }: Append): boolean =>
  records.length > 0 || firstSegment !== undefined;

/** Appends that wait for a frame, in order. */
export class AppendQueue {
  #waiting: Append[] = [];
  #transaction: Transaction | undefined;
  #laden = 0;
  #pressing = 0;
  #prompt = 0;
  #cutting = 0;
  #bytes = 0;

  /** @param limit the most bytes of records that a frame can hold */
  constructor(private readonly limit: number) {}

  /** The longest record that fits a frame, even one that needs a transaction. */
  get recordLimitBytes(): number {
    return this.limit - 2 * markBytes;
  }

  /** Whether anything waits, lazy or not. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#transaction === undefined;
  }

  /** Whether records wait, lazy or not. */
  get isLaden(): boolean {
    return this.#laden > 0 || this.#transaction !== undefined;
  }

  /** Whether somebody waits who is not lazy. */
  get isPrompt(): boolean {
    return this.#prompt > 0 || this.#transaction !== undefined;
  }

  /** Whether records wait that are not lazy. */
  get isPressing(): boolean {
    return this.#pressing > 0 || this.#transaction !== undefined;
  }

  get isCutting(): boolean {
    return this.#cutting > 0 || this.#transaction?.append.cutting === true;
  }

  /** Bytes of the records that wait. */
  get bytes(): number {
    return this.#bytes + (this.#transaction?.append.bytes ?? 0);
  }

  get isInTransaction(): boolean {
    return this.#transaction !== undefined;
  }

  push(append: Append): void {
    this.#waiting.push(append);
    this.#count(append, 1);
  }

  /** Takes out those that wait for nothing but what was before them. */
  takeEmpty(): Append[] {
    const empty = this.#waiting.filter((append) => !hasWork(append));
    if (empty.length > 0) this.#waiting = this.#waiting.filter(hasWork);
    for (const append of empty) this.#count(append, -1);
    return empty;
  }

  /** Takes out everything, because none of it will be written. */
  takeAll(): Append[] {
    const all = [...(this.#transaction === undefined ? [] : [this.#transaction.append]), ...this.#waiting];
    this.#waiting = [];
    this.#transaction = undefined;
    this.#laden = this.#pressing = this.#prompt = this.#cutting = this.#bytes = 0;
    return all;
  }

  /** What the next frame holds if `room` bytes are left for its records; undefined if what is first does not fit. */
  take(room: number): FrameDraft | undefined {
    const continues = this.#transaction !== undefined;
    const draft: FrameDraft = { records: [], appends: [], continues, firstSegment: undefined };
    let left = room;
    if (this.#transaction !== undefined) {
      left = this.#takePart(this.#transaction, draft, left);
      if (draft.records.length === 0) return undefined;
    }
    let taken = 0;
    while (this.#transaction === undefined) {
      const append = this.#waiting[taken];
      if (append === undefined) break;
      if (append.bytes > this.limit) {
        if (!this.#fitsStart(append, left)) break;
        taken += 1;
        draft.records.push(begin);
        this.#transaction = { append, next: 0 };
        this.#takePart(this.#transaction, draft, left - markBytes);
        break;
      }
      if (append.bytes > left) break;
      taken += 1;
      left -= append.bytes;
      this.#takeWhole(append, draft);
    }
    for (const append of this.#waiting.splice(0, taken)) this.#count(append, -1);
    return taken === 0 && !continues ? undefined : draft;
  }

  #takeWhole(append: Append, draft: FrameDraft): void {
    for (const record of append.records) draft.records.push(record);
    draft.appends.push(append);
    draft.firstSegment = append.firstSegment ?? draft.firstSegment;
  }

  #fitsStart({ records: [first] }: Append, left: number): boolean {
    return first !== undefined && recordBytes(first) + markBytes <= left;
  }

  /** Moves as much of a transaction as fits, and its end mark with the last of it; returns what room is left. */
  #takePart(transaction: Transaction, draft: FrameDraft, room: number): number {
    const { records } = transaction.append;
    let left = room;
    for (;;) {
      const record = records[transaction.next];
      const bytes = record === undefined ? markBytes : recordBytes(record);
      if (bytes > left) return left;
      left -= bytes;
      draft.records.push(record ?? end);
      if (record === undefined) break;
      transaction.next += 1;
    }
    this.#transaction = undefined;
    draft.appends.push(transaction.append);
    draft.firstSegment = transaction.append.firstSegment ?? draft.firstSegment;
    return left;
  }

  #count(append: Append, by: number): void {
    const laden = hasWork(append);
    this.#bytes += by * append.bytes;
    if (laden) this.#laden += by;
    if (append.cutting) this.#cutting += by;
    if (append.lazy) return;
    this.#prompt += by;
    if (laden) this.#pressing += by;
  }
}
