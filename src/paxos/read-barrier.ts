import { LogError } from '../log/errors.js';
import type { Slot } from '../log/ids.js';
import { Readers, type Reader } from '../log/readers.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Trace } from '../log/trace.js';
import type { ReachReply } from './messages.js';
import type { PaxosPeer } from './peer.js';
import { backoffMs } from './proposer.js';

export interface ReadBarrierOptions {
  readonly peer: PaxosPeer;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when every slot up to `slot` is applied; brings in what is missing on the way. */
  readonly reached: (slot: Slot) => Promise<void>;
  readonly trace: Trace;
}

/** Nothing has been voted for or decided anywhere. */
const nothing = -1;

/**
 * The read barrier (rule R7). A round asks every member how far its acceptor has come, and takes the highest answer of a
 * majority: whatever was answered before the round began was voted for by a majority, which shares a member with this
 * one. Any majority will do, so an answer that comes later may lower what is waited for: a slot that only a minority has
 * voted for holds nobody up. Readers wait until that slot is applied. One round at a time is collecting its answers; a reader that comes after
 * its first request has left waits for the next.
 */
export class ReadBarrier {
  readonly #options: ReadBarrierOptions;
  readonly #readers = new Readers();
  readonly #closing = new AbortController();
  #collecting = false;

  constructor(options: ReadBarrierOptions) {
    this.#options = options;
  }

  /**
   * Resolves when a read of the local state in the same turn shows every write that was answered before this call.
   * @throws LogError: `abandoned` if `signal` aborts, `closed`
   */
  wait(signal: AbortSignal): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.reject(new LogError({ kind: 'closed' }));
    const passed = this.#readers.add(signal);
    if (!this.#collecting) void this.#collect();
    return passed;
  }

  close(): void {
    this.#closing.abort();
    this.#readers.settleAll({ kind: 'closed' });
  }

  /** Round after round, as long as somebody waits for one. */
  async #collect(): Promise<void> {
    const { clock, random } = this.#options;
    this.#collecting = true;
    for (let attempt = 0; this.#readers.areWaiting();) {
      const readers = this.#readers.take();
      if (await this.#round(readers)) {
        attempt = 0;
        continue;
      }
      this.#readers.putBack(readers);
      if (this.#readers.areWaiting()) await clock.sleep(backoffMs(attempt, random), this.#closing.signal);
      attempt += 1;
    }
    this.#collecting = false;
  }

  /** Asks every member, and lets the readers go on once a majority's reach is applied. Answers whether one answered. */
  #round(readers: ReadonlySet<Reader>): Promise<boolean> {
    const { peer, trace } = this.#options;
    const { members, peers, majority } = peer.roster;
    return new Promise((resolve) => {
      const reaches: number[] = [];
      let unanswered = members.length;
      const answered = (reply: ReachReply | undefined) => {
        unanswered -= 1;
        if (reply !== undefined) {
          reaches.push(reply.reach ?? nothing);
          const lowest = reaches.sort((left, right) => left - right)[majority - 1];
          if (lowest !== undefined) void this.#release(readers, lowest);
        }
        if (reaches.length >= majority) resolve(true);
        else if (unanswered === 0) resolve(false);
      };
      for (const id of peers) void peer.askReach(id).then(answered);
      trace('barrier-asked', {});
      answered(peer.ownReach());
    });
  }

  async #release(readers: ReadonlySet<Reader>, reach: number): Promise<void> {
    const { reached, trace } = this.#options;
    await reached(reach);
    const passed = this.#readers.unsettled(readers);
    if (this.#closing.signal.aborted || passed.length === 0) return;
    trace('barrier-passed', { reach, readers: passed.length });
    for (const reader of passed) reader.settle();
  }
}
