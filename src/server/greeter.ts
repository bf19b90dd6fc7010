import type { Enveloped } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { Roster } from '../log/roster.js';
import type { Clock } from '../runtime/clock.js';
import { identityProblem, type Hello, type HelloLink } from './hello.js';

export interface GreeterOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, HelloLink>;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** What this replica says of itself now. */
  readonly hello: () => Hello;
  /** A peer has come as far as `reach`. */
  readonly heardReach: (peer: ReplicaId, reach: Slot) => void;
}

/**
 * Says Hello to every peer at a fixed interval, and answers theirs. It compares identities before anything else a
 * peer says may count, and feeds catch-up, the status table and health. It needs no client, and the key/value code
 * above does not know of it.
 */
export class Greeter {
  readonly #options: GreeterOptions;
  readonly #lastHellos = new Map<ReplicaId, Hello>();
  readonly #closing = new AbortController();

  constructor(options: GreeterOptions) {
    this.#options = options;
  }

  /** Greets every peer now and from now on. */
  start(): void {
    for (const [peer, link] of this.#options.links) void this.#greetAgainAndAgain(peer, link);
  }

  close(): void {
    this.#closing.abort();
  }

  /** What a peer said last. */
  lastHello(peer: ReplicaId): Hello | undefined {
    return this.#lastHellos.get(peer);
  }

  /** @throws PeerRefusal */
  handleHello({ header, body }: Enveloped<Hello>): Promise<Enveloped<Hello>> {
    this.#take({ header, body });
    return Promise.resolve(this.#options.roster.envelope(header.from, this.#options.hello()));
  }

  async #greetAgainAndAgain(peer: ReplicaId, link: HelloLink): Promise<void> {
    const { clock, intervalMs, roster, hello } = this.#options;
    while (!this.#closing.signal.aborted) {
      try {
        this.#take(await link.hello(roster.envelope(peer, hello()), { timeoutMs: 2 * intervalMs }));
      } catch {
        // Not heard: the roster tells how long ago it was, and why if it was refused.
      }
      await clock.sleep(intervalMs, this.#closing.signal);
    }
  }

  #take({ header, body }: Enveloped<Hello>): void {
    const { roster, hello, heardReach } = this.#options;
    const own = hello();
    if ((body.reach ?? 0) > (own.reach ?? 0) + limits.plausibleLead) {
      throw roster.refuse('garbled', `reach ${body.reach} is implausibly far ahead`, header.from);
    }
    const problem = identityProblem(own, body);
    roster.introduce(header, problem && `replica ${header.from} is of another cluster: ${problem}`);
    this.#lastHellos.set(header.from, body);
    if (body.reach !== undefined) heardReach(header.from, body.reach);
  }
}
