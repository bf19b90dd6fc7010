import type { ReplicaId } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import type { Trace } from '../log/trace.js';
import type { Duplex, DuplexEvents } from '../rpc/link.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Message } from './messages.js';
import { framesOf } from './frames.js';
import type { Exchange, OmnipaxosLink } from './service.js';

export interface SessionsOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, OmnipaxosLink>;
  readonly clock: Clock;
  /** How long a stream that was opened may stay silent before it is given up. */
  readonly openTimeoutMs: number;
  /** A session with a peer has begun; an earlier one is over. */
  readonly connected: (peer: ReplicaId) => void;
  readonly disconnected: (peer: ReplicaId) => void;
  readonly received: (peer: ReplicaId, message: Message) => void;
  readonly trace: Trace;
}

/** The wait before a stream is opened again; it doubles up to the limit as long as none stands. */
const firstRetryMs = 50;
const retryLimitMs = 500;
/** A peer that takes so much less than it is sent is brought in step again later, from its own end. */
const pendingLimitBytes = 16 * 1024 * 1024;

interface Session {
  readonly stream: Duplex<Exchange>;
  /** What was sent in this turn, and leaves at its end. */
  outbox: Message[];
}

/**
 * One stream to each peer, which the replica with the lower id opens. One stream is one session: messages of a session
 * arrive in order, and when it ends what it had not delivered is gone.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<ReplicaId, Session>();
  readonly #retries = new Map<ReplicaId, Timer>();
  /** Streams that were opened and have not been answered yet, each with the timer that gives it up. */
  readonly #opening = new Map<Duplex<Exchange>, Timer>();
  #closed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Opens streams to the peers with higher ids, now and whenever one has ended. */
  start(): void {
    const { roster } = this.#options;
    for (const peer of roster.peers) if (roster.me < peer) this.#open(peer, firstRetryMs);
  }

  /** Takes a stream that a peer has opened; who it is, its first message tells. */
  accept(stream: Duplex<Exchange>): DuplexEvents<Exchange> {
    let peer: ReplicaId | undefined;
    return {
      received: (exchange) => {
        if (this.#closed) {
          stream.end();
          return;
        }
        this.#options.roster.admit(exchange.header);
        if (peer === undefined) {
          peer = exchange.header.from;
          this.#begin(peer, stream);
          // Tells the other side that the session stands.
          stream.send(this.#options.roster.envelope(peer, []));
        }
        this.#take(peer, stream, exchange);
      },
      ended: () => {
        if (peer !== undefined) this.#end(peer, stream);
      },
    };
  }

  isConnected(peer: ReplicaId): boolean {
    return this.#sessions.has(peer);
  }

  /** Sends a message on the present session, if there is one; otherwise it is lost. */
  send(peer: ReplicaId, message: Message): void {
    const session = this.#sessions.get(peer);
    if (session === undefined) return;
    if (session.outbox.length === 0) void Promise.resolve().then(() => this.#flush(peer, session));
    session.outbox.push(message);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#retries.values()) timer.cancel();
    for (const [stream, silence] of this.#opening) {
      silence.cancel();
      stream.end();
    }
    for (const { stream } of this.#sessions.values()) stream.end();
    this.#opening.clear();
    this.#sessions.clear();
  }

  #open(peer: ReplicaId, retryMs: number): void {
    const { links, clock, openTimeoutMs, roster } = this.#options;
    const link = links.get(peer);
    if (this.#closed || link === undefined) return;
    let nextRetryMs = retryMs;
    const again = () => {
      this.#answered(stream);
      if (this.#closed) return;
      const timer = clock.timer(nextRetryMs, () => this.#open(peer, Math.min(2 * nextRetryMs, retryLimitMs)));
      this.#retries.set(peer, timer);
    };
    const stream = link.exchange({
      received: (exchange) => {
        if (!this.#admits(exchange, stream, again)) return;
        if (this.#sessions.get(peer)?.stream !== stream) {
          this.#answered(stream);
          nextRetryMs = firstRetryMs;
          this.#begin(peer, stream);
        }
        this.#take(peer, stream, exchange);
      },
      ended: () => {
        this.#end(peer, stream);
        again();
      },
    });
    const silence = clock.timer(openTimeoutMs, () => {
      stream.end();
      again();
    });
    this.#opening.set(stream, silence);
    stream.send(roster.envelope(peer, []));
  }

  /** A stream that was opened is answered or over. */
  #answered(stream: Duplex<Exchange>): void {
    this.#opening.get(stream)?.cancel();
    this.#opening.delete(stream);
  }

  /** Whether the header of an answer may be heard; if not, the stream is over. */
  #admits({ header }: Exchange, stream: Duplex<Exchange>, again: () => void): boolean {
    try {
      this.#options.roster.admit(header);
      return true;
    } catch {
      stream.end();
      this.#end(header.from, stream);
      again();
      return false;
    }
  }

  #begin(peer: ReplicaId, stream: Duplex<Exchange>): void {
    const { connected, trace } = this.#options;
    const before = this.#sessions.get(peer);
    if (before !== undefined) {
      before.stream.end();
      this.#end(peer, before.stream);
    }
    this.#sessions.set(peer, { stream, outbox: [] });
    trace('session-begun', { peer });
    connected(peer);
  }

  #end(peer: ReplicaId, stream: Duplex<Exchange>): void {
    if (this.#sessions.get(peer)?.stream !== stream) return;
    this.#sessions.delete(peer);
    if (this.#closed) return;
    this.#options.trace('session-ended', { peer });
    this.#options.disconnected(peer);
  }

  #take(peer: ReplicaId, stream: Duplex<Exchange>, { body }: Exchange): void {
    for (const message of body) {
      // What one message does may end the session of the next.
      if (this.#sessions.get(peer)?.stream !== stream) return;
      this.#options.received(peer, message);
    }
  }

  #flush(peer: ReplicaId, session: Session): void {
    const { roster, trace } = this.#options;
    const messages = session.outbox;
    session.outbox = [];
    if (this.#sessions.get(peer) !== session) return;
    if (session.stream.pendingBytes > pendingLimitBytes) {
      trace('session-overflowed', { peer });
      session.stream.end();
      this.#end(peer, session.stream);
      if (roster.me < peer) this.#open(peer, firstRetryMs);
      return;
    }
    for (const frame of framesOf(messages)) session.stream.send(roster.envelope(peer, frame));
  }
}
