import type { Header } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { Roster } from '../log/roster.js';
import type { Trace } from '../log/trace.js';
import type { Learn, LearnReply, PaxosLink, ReachReply } from './messages.js';

export interface PeerCallsOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, PaxosLink>;
  /** How long an unanswered message is waited for. */
  readonly timeoutMs: number;
  /** The highest slot known here, or −1. */
  readonly max: () => number;
  readonly trace: Trace;
}

/** What a peer asks and tells the others beside its proposals. An answer that does not come, or is refused, is none. */
export class PeerCalls {
  readonly #options: PeerCallsOptions;

  constructor(options: PeerCallsOptions) {
    this.#options = options;
  }

  async learn(peer: ReplicaId, range: Learn): Promise<LearnReply | undefined> {
    const { roster, links, timeoutMs } = this.#options;
    try {
      const reply = await links.get(peer)?.learn(roster.envelope(peer, range), { timeoutMs });
      if (reply !== undefined) roster.admit(reply.header);
      return reply?.body;
    } catch {
      return undefined;
    }
  }

  async reach(peer: ReplicaId): Promise<ReachReply | undefined> {
    const { roster, links, timeoutMs } = this.#options;
    try {
      const reply = await links.get(peer)?.reach(roster.envelope(peer, undefined), { timeoutMs });
      if (reply !== undefined) this.admit(reply.header, reply.body.reach ?? 0, 0);
      return reply?.body;
    } catch {
      return undefined;
    }
  }

  /** Tells everybody a decision. One that is not heard is learned later, by asking. */
  spread(slot: Slot, value: Uint8Array): void {
    const { roster, links, timeoutMs, trace } = this.#options;
    for (const [peer, link] of links) {
      link
        .decide(roster.envelope(peer, { slot, value }), { timeoutMs })
        .then(({ header }) => roster.admit(header))
        // Not heard, or the answer is of somebody unknown, which the roster has counted.
        .catch(() => undefined);
      trace('decide-sent', { slot, to: peer });
    }
  }

  /**
   * Judges the header of a message that names a slot and a round, and takes in what it tells.
   * @throws PeerRefusal
   */
  admit(header: Header, slot: Slot, round: number): void {
    const { roster, max } = this.#options;
    const lead = limits.plausibleLead;
    if (slot > max() + lead || round > lead) {
      throw roster.refuse('garbled', `slot ${slot} or round ${round} is implausibly far ahead`, header.from);
    }
    roster.admit(header);
  }
}
