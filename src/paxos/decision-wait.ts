import type { Slot } from '../log/ids.js';
import type { Clock } from '../runtime/clock.js';
import type { InstanceStatus, PaxosPeer } from './peer.js';

const firstPollMs = 10;
/** The seeds let the wait grow to 10 s, which breaks recovery after a healed partition. */
const pollLimitMs = 500;

/**
 * Waits until an instance is no longer pending, as the seeds do: Status, quickly at first and then ever more
 * slowly. The decision itself ends a wait early; the polls are the safety net.
 */
export class DecisionWaits {
  readonly #waits = new Map<Slot, AbortController>();
  #closed = false;

  constructor(
    private readonly peer: PaxosPeer,
    private readonly clock: Clock,
  ) {
    peer.onDecided((slot) => this.#waits.get(slot)?.abort());
    peer.onForgotten((floor) => {
      for (const [slot, wait] of this.#waits) if (slot < floor) wait.abort();
    });
  }

  /**
   * Resolves with what became of the instance; `pending` only after `close`. `nudge` is called at every poll that
   * finds it pending.
   */
  async settled(slot: Slot, nudge: () => void): Promise<InstanceStatus> {
    for (let waitMs = firstPollMs; ; waitMs = Math.min(waitMs * 2, pollLimitMs)) {
      const status = this.peer.status(slot);
      if (status.kind !== 'pending' || this.#closed) return status;
      nudge();
      const woken = new AbortController();
      this.#waits.set(slot, woken);
      await this.clock.sleep(waitMs, woken.signal);
      this.#waits.delete(slot);
    }
  }

  /** Ends every wait. */
  close(): void {
    this.#closed = true;
    for (const wait of this.#waits.values()) wait.abort();
  }
}
