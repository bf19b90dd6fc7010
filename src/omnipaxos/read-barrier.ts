import { LogError, type LogFailure } from '../log/errors.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { Trace } from '../log/trace.js';
import type { OmnipaxosPeer } from './peer.js';

export interface ReadBarrierOptions {
  readonly peer: OmnipaxosPeer;
  /** Resolves when every slot up to `slot` is applied. */
  readonly reached: (slot: Slot) => Promise<void>;
  /** Whether a reader may wait for this replica to lead. */
  readonly mayWait: () => boolean;
  /** What a reader is told when it may not. */
  readonly notLeader: () => LogFailure;
  readonly trace: Trace;
}

interface Reader {
  readonly settle: (failure?: LogFailure) => void;
}

/** A round that collects its answers. */
interface Round {
  readonly number: number;
  readonly readers: ReadonlySet<Reader>;
  /** Everything answered before the round began lies below. */
  readonly end: Slot;
  readonly confirmed: Set<ReplicaId>;
}

/**
 * The read barrier of a leader (rule R7). It notes how far the log is decided, and at least where the log ended that it
 * adopted with its ballot; a majority then confirms that its promise is still this ballot, so nobody else had decided
 * more; and the readers go on once that much is applied. Nothing is written. One round at a time collects its answers;
 * a reader that comes after its first request has left waits for the next.
 */
export class ReadBarrier {
  readonly #options: ReadBarrierOptions;
  #waiting = new Set<Reader>();
  readonly #unsettled = new Set<Reader>();
  #round: Round | undefined;
  #lastNumber = 0;
  #closed = false;

  constructor(options: ReadBarrierOptions) {
    this.#options = options;
    const { peer } = options;
    peer.onHappening((happening) => {
      if (happening.kind === 'confirmed') this.#confirmed(happening.peer, happening.number);
    });
    peer.onLeadership(() => this.#leadershipChanged());
    peer.onTick(() => {
      if (this.#round !== undefined) peer.confirm(this.#round.number);
    });
  }

  /**
   * Resolves when a read of the local state in the same turn shows every write that was answered before this call.
   * @throws LogError: `not-leader`, `abandoned` if `signal` aborts, `closed`
   */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new LogError({ kind: 'closed' });
      if (signal.aborted) throw new LogError({ kind: 'abandoned' });
      if (!this.#options.mayWait()) throw new LogError(this.#options.notLeader());
      const abandon = () => reader.settle({ kind: 'abandoned' });
      const reader: Reader = {
        settle: (failure) => {
          this.#unsettled.delete(reader);
          this.#waiting.delete(reader);
          signal.removeEventListener('abort', abandon);
          if (failure === undefined) resolve();
          else reject(new LogError(failure));
        },
      };
      signal.addEventListener('abort', abandon, { once: true });
      this.#unsettled.add(reader);
      this.#waiting.add(reader);
      this.#begin();
    });
  }

  /** Whoever waits goes to another replica. */
  turnAway(): void {
    const failure = this.#options.notLeader();
    for (const reader of [...this.#waiting]) reader.settle(failure);
  }

  close(): void {
    this.#closed = true;
    this.#round = undefined;
    for (const reader of [...this.#unsettled]) reader.settle({ kind: 'closed' });
  }

  #leadershipChanged(): void {
    // What was confirmed was another ballot, and what was to be applied may never be.
    for (const reader of this.#unsettled) this.#waiting.add(reader);
    this.#round = undefined;
    if (!this.#options.mayWait()) this.turnAway();
    this.#begin();
  }

  /** Begins a round for those who wait, if none is collecting its answers. */
  #begin(): void {
    const { peer, trace } = this.#options;
    if (this.#round !== undefined || this.#waiting.size === 0 || peer.leadership.kind !== 'leading') return;
    this.#lastNumber += 1;
    this.#round = {
      number: this.#lastNumber,
      readers: this.#waiting,
      end: Math.max(peer.decidedEnd, peer.adoptedEnd),
      confirmed: new Set(),
    };
    this.#waiting = new Set();
    trace('barrier-asked', {});
    peer.confirm(this.#lastNumber);
    this.#confirmed(peer.roster.me, this.#lastNumber);
  }

  #confirmed(from: ReplicaId, number: number): void {
    const round = this.#round;
    if (round?.number !== number) return;
    round.confirmed.add(from);
    if (round.confirmed.size < this.#options.peer.roster.majority) return;
    this.#round = undefined;
    void this.#release(round);
    this.#begin();
  }

  async #release({ readers, end }: Round): Promise<void> {
    const { reached, trace } = this.#options;
    await reached(end - 1);
    const passed = [...readers].filter((reader) => this.#unsettled.has(reader));
    if (this.#closed || passed.length === 0) return;
    trace('barrier-passed', { reach: end - 1, readers: passed.length });
    for (const reader of passed) reader.settle();
  }
}
