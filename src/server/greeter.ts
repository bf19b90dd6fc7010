import type { Enveloped } from '../log/header.js';
import type { Incarnation, ReplicaId } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { Roster } from '../log/roster.js';
import { eitherSignal } from '../rpc/either-signal.js';
import type { Clock } from '../runtime/clock.js';
import { identityProblem, type Hello, type HelloLink } from './hello.js';

/** The wait after a first Hello that failed; it doubles up to the interval, since the peer may just be coming up. */
const firstRetryMs = 50;

export interface GreeterOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, HelloLink>;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** What this replica says of itself now. */
  readonly hello: () => Hello;
  /** Puts a peer's incarnation on record; resolves when that is durable. No Hello is answered before (rule R11). */
  readonly pin: (peer: ReplicaId, incarnation: Incarnation) => Promise<void>;
  /** A peer has said Hello of itself, or answered one. */
  readonly heard: (peer: ReplicaId, hello: Hello) => void;
  /** A Hello to a peer was answered with this, or has failed with an error. */
  readonly greeted: (peer: ReplicaId, outcome: Hello | Error) => void;
}

/**
 * Says Hello to every peer at a fixed interval, and answers theirs. It compares identities before anything else a
 * peer says may count, and feeds catch-up, the status table and health. It needs no client, and the key/value code
 * above does not know of it.
 */
export class Greeter {
  readonly #options: GreeterOptions;
  readonly #lastHellos = new Map<ReplicaId, Hello>();
  /** Ends the wait before the next Hello to a peer whose last one failed. */
  readonly #waits = new Map<ReplicaId, AbortController>();
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
  async handleHello(request: Enveloped<Hello>): Promise<Enveloped<Hello>> {
    const { from } = request.header;
    await this.#take(request);
    // A peer that speaks can be spoken to: it may have come up just now.
    this.#waits.get(from)?.abort();
    return this.#options.roster.envelope(from, this.#options.hello());
  }

  async #greetAgainAndAgain(peer: ReplicaId, link: HelloLink): Promise<void> {
    const { clock, intervalMs, roster, hello, greeted } = this.#options;
    let retryMs = firstRetryMs;
    while (!this.#closing.signal.aborted) {
      try {
        const answer = await link.hello(roster.envelope(peer, hello()), { timeoutMs: 2 * intervalMs });
        await this.#take(answer);
        greeted(peer, answer.body);
        retryMs = firstRetryMs;
        await clock.sleep(intervalMs, this.#closing.signal);
      } catch (error) {
        greeted(peer, error instanceof Error ? error : new Error(String(error)));
        await this.#waitForSignOf(peer, Math.min(retryMs, intervalMs));
        retryMs *= 2;
      }
    }
  }

  /** A wait that ends when the peer greets us. */
  async #waitForSignOf(peer: ReplicaId, ms: number): Promise<void> {
    const { clock } = this.#options;
    const wait = new AbortController();
    this.#waits.set(peer, wait);
    const either = eitherSignal(wait.signal, this.#closing.signal);
    await clock.sleep(ms, either.signal);
    either.release();
    this.#waits.delete(peer);
  }

  async #take({ header, body }: Enveloped<Hello>): Promise<void> {
    const { roster, hello, pin, heard } = this.#options;
    const own = hello();
    if ((body.reach ?? 0) > (own.reach ?? 0) + limits.plausibleLead) {
      throw roster.refuse('garbled', `reach ${body.reach} is implausibly far ahead`, header.from);
    }
    const problem = identityProblem(own, body);
    roster.introduce(header, problem && `replica ${header.from} is of another cluster: ${problem}`);
    this.#lastHellos.set(header.from, body);
    const unpinned = roster.toPin(header.from);
    if (unpinned !== undefined) {
      await pin(header.from, unpinned);
      roster.pinned(header.from);
    }
    heard(header.from, body);
  }
}
