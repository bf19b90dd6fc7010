import { LogError, type LogFailure } from '../log/errors.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { Readers, type Reader } from '../log/readers.js';
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
  readonly #readers = new Readers();
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
    const { mayWait, notLeader } = this.#options;
    if (this.#closed) return Promise.reject(new LogError({ kind: 'closed' }));
    if (!mayWait()) return Promise.reject(new LogError(notLeader()));
    const passed = this.#readers.add(signal);
    this.#begin();
    return passed;
  }

  /** Whoever waits goes to another replica. */
  turnAway(): void {
    this.#readers.settleAll(this.#options.notLeader());
  }

  close(): void {
    this.#closed = true;
    this.#round = undefined;
    this.#readers.settleAll({ kind: 'closed' });
  }

  #leadershipChanged(): void {
    // What was confirmed was another ballot, and what was to be applied may never be.
    this.#readers.putAllBack();
    this.#round = undefined;
    if (!this.#options.mayWait()) this.turnAway();
    this.#begin();
  }

  /** Begins a round for those who wait, if none is collecting its answers. */
  #begin(): void {
    const { peer, trace } = this.#options;
    if (this.#round !== undefined || !this.#readers.areWaiting() || peer.leadership.kind !== 'leading')
      return;
    this.#lastNumber += 1;
    this.#round = {
      number: this.#lastNumber,
      readers: this.#readers.take(),
      end: Math.max(peer.decidedEnd, peer.adoptedEnd),
      confirmed: new Set(),
    };
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
    const passed = this.#readers.unsettled(readers);
    if (this.#closed || passed.length === 0) return;
    trace('barrier-passed', { reach: end - 1, readers: passed.length });
    for (const reader of passed) reader.settle();
  }
}
