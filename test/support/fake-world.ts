import { createHash, type Hash } from 'node:crypto';
import { BaseClerk } from '../../src/clerk/base-clerk.js';
import type { ClientLink } from '../../src/clerk/client-link.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { incarnation, replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { Enveloped } from '../../src/log/header.js';
import type { Member } from '../../src/log/roster.js';
import { CallError } from '../../src/rpc/call-error.js';
import type { Call } from '../../src/rpc/link.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { Replica, type ReplicaLink } from '../../src/server/replica.js';
import { FakeClock } from './fake-clock.js';

export interface FakeWorldOptions {
  readonly seed: number;
  readonly replicaCount: number;
  /** The share of messages that are lost, requests and replies alike, from 0 to 1. */
  readonly loss: number;
  /** How long a message is under way at the most. */
  readonly delayLimitMs: number;
}

/** A reader of bytes and of maps, so that a traced message shows all it says. */
const readable = (_key: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value;
};

/**
 * Real replicas and clerks in one process, on a clock, random numbers and links that are made up from one seed.
 * Every message, timer and loss goes into a trace; equal seeds give equal hashes of it.
 */
export class FakeWorld {
  readonly clock = new FakeClock();
  readonly replicas = new Map<ReplicaId, Replica>();
  readonly #options: FakeWorldOptions;
  readonly #random: Random;
  readonly #trace: Hash = createHash('sha256');
  readonly #crashed = new Set<ReplicaId>();
  #lost = 0;
  #delivered = 0;

  constructor(options: FakeWorldOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.clock.onFire = (atMs, order) => this.#trace.update(`timer ${atMs} ${order}\n`);
    const members = Array.from({ length: options.replicaCount }, (_, index) => ({
      id: replicaId(index + 1),
      address: `fake:${index + 1}`,
    }));
    for (const { id } of members) this.replicas.set(id, this.#replica(id, members));
    for (const replica of this.replicas.values()) replica.start();
  }

  get messages(): { readonly delivered: number; readonly lost: number } {
    return { delivered: this.#delivered, lost: this.#lost };
  }

  /** The hash of everything that happened so far. */
  traceHash(): string {
    return this.#trace.copy().digest('hex');
  }

  /** Ends a replica for good: nothing reaches it and nothing of it leaves any more. */
  crash(id: ReplicaId): void {
    this.#trace.update(`crash ${id}\n`);
    this.#crashed.add(id);
    void this.#at(id).close();
  }

  clerk(name: string): BaseClerk {
    const links = [...this.replicas.keys()].map((id): ClientLink => ({
      address: `fake:${id}`,
      execute: this.#carried(`${name}>${id}`, id, (request, signal) => this.#at(id).execute(request, signal)),
      close: () => undefined,
    }));
    return new BaseClerk({
      links,
      attemptTimeoutMs: 1000,
      sequenceWindow: defaultSessionParameters.sequenceWindow,
      clock: this.clock,
      random: seededRandom(this.#random.below(2 ** 31)),
    });
  }

  #at(id: ReplicaId): Replica {
    const replica = this.replicas.get(id);
    if (replica === undefined) throw new RangeError(`there is no replica ${id}`);
    return replica;
  }

  #replica(me: ReplicaId, members: readonly Member[]): Replica {
    return new Replica({
      members,
      me,
      clusterId: 'fake',
      incarnation: incarnation(this.#random.hex(32)),
      sessionParameters: defaultSessionParameters,
      helloIntervalMs: 500,
      roundTimeoutMs: 1000,
      clock: this.clock,
      random: seededRandom(this.#random.below(2 ** 31)),
      logger: silentLogger,
      link: (peer) => this.#link(me, peer.id),
      failed: (error) => {
        throw error;
      },
    });
  }

  #link(from: ReplicaId, to: ReplicaId): ReplicaLink {
    const method = <Request, Reply>(
      name: string,
      handle: (replica: Replica, request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
    ) => {
      const call = this.#carried<Enveloped<Request>, Enveloped<Reply>>(
        `${from}>${to} ${name}`,
        to,
        (request) => handle(this.#at(to), request),
      );
      const sending: typeof call = (request, options) =>
        this.#crashed.has(from) ? Promise.reject(lostMessage()) : call(request, options);
      return sending;
    };
    return {
      prepare: method('prepare', (replica, request) => replica.paxos.handlePrepare(request)),
      accept: method('accept', (replica, request) => replica.paxos.handleAccept(request)),
      decide: method('decide', (replica, request) => replica.paxos.handleDecide(request)),
      learn: method('learn', (replica, request) => replica.paxos.handleLearn(request)),
      hello: method('hello', (replica, request) => replica.greeter.handleHello(request)),
    };
  }

  /** A call over the made-up network: each way may be lost, and takes a while. */
  #carried<Request, Reply>(
    name: string,
    to: ReplicaId,
    handle: (request: Request, signal: AbortSignal) => Promise<Reply>,
  ): Call<Request, Reply> {
    return async (request, { timeoutMs, signal }) => {
      const ended = new AbortController();
      const deadline = this.clock.timer(timeoutMs, () => ended.abort());
      const answer = async (): Promise<Reply> => {
        await this.#travel(name, request);
        if (this.#crashed.has(to)) throw lostMessage();
        const reply = await handle(request, ended.signal);
        await this.#travel(`${name} reply`, reply);
        return reply;
      };
      const expired = new Promise<never>((_resolve, reject) => {
        const expire = () =>
          reject(
            new CallError({ code: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN', message: 'deadline exceeded' }),
          );
        ended.signal.addEventListener('abort', expire, { once: true });
        signal?.addEventListener('abort', expire, { once: true });
      });
      try {
        return await Promise.race([answer(), expired]);
      } finally {
        deadline.cancel();
      }
    };
  }

  async #travel(name: string, message: unknown): Promise<void> {
    const lost = this.#random.between(0, 1) < this.#options.loss;
    const delayMs = this.#random.between(0.1, this.#options.delayLimitMs);
    this.#trace.update(
      `${this.clock.now()} ${lost ? 'lost' : delayMs} ${name} ${JSON.stringify(message, readable)}\n`,
    );
    await this.clock.sleep(delayMs);
    if (lost) {
      this.#lost += 1;
      throw lostMessage();
    }
    this.#delivered += 1;
  }
}

const lostMessage = (): CallError =>
  new CallError({ code: 'UNAVAILABLE', reason: 'UNKNOWN', message: 'the message was lost' });
