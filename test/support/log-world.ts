import { LogError } from '../../src/log/errors.js';
import type { Enveloped } from '../../src/log/header.js';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { PaxosLink } from '../../src/paxos/messages.js';
import { PaxosLog } from '../../src/paxos/paxos-log.js';
import { PaxosPeer } from '../../src/paxos/peer.js';
import type { Call } from '../../src/rpc/link.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { memoryJournal } from '../../src/storage/journal.js';
import { FakeClock } from './fake-clock.js';
import { textOf } from './paxos-values.js';
import { rosterOf } from './rosters.js';

export interface LogWorldOptions {
  readonly seed: number;
  readonly replicaCount: number;
  /** The share of messages that are lost, requests and replies alike, from 0 to 1. */
  readonly loss: number;
  /** How long a message is under way at the most. */
  readonly delayLimitMs: number;
}

/** A replica whose state is one number: the highest that was ever written. */
export interface Register {
  readonly peer: PaxosPeer;
  readonly log: PaxosLog<number>;
  value: number;
}

/** Registers that are replicated by logs on Paxos, over links that lose and delay, from one seed. */
export class LogWorld {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly registers: Register[] = [];
  readonly failures: unknown[] = [];
  /** Replicas that nothing reaches and nothing leaves. */
  readonly cut = new Set<number>();
  readonly #options: LogWorldOptions;

  constructor(options: LogWorldOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    for (let id = 1; id <= options.replicaCount; id += 1) this.registers.push(this.#register(id));
  }

  at(index: number): Register {
    const register = this.registers[index];
    if (register === undefined) throw new RangeError(`there is no replica ${index}`);
    return register;
  }

  /** Writes a number. Resolves with whether it was answered; if not, it may yet be written. */
  async write(index: number, value: number): Promise<boolean> {
    const patience = new AbortController();
    const timer = this.clock.timer(2000, () => patience.abort());
    try {
      await this.at(index).log.propose(Buffer.from(String(value)), patience.signal);
      return true;
    } catch (error) {
      if (error instanceof LogError) return false;
      throw error;
    } finally {
      timer.cancel();
    }
  }

  /** Reads behind the barrier; undefined if it took too long. */
  async read(index: number): Promise<number | undefined> {
    const { log } = this.at(index);
    const patience = new AbortController();
    const timer = this.clock.timer(2000, () => patience.abort());
    try {
      await log.readBarrier(patience.signal);
      return this.at(index).value;
    } catch (error) {
      if (error instanceof LogError) return undefined;
      throw error;
    } finally {
      timer.cancel();
    }
  }

  async close(): Promise<void> {
    for (const { log } of this.registers) await log.close();
  }

  #register(me: number): Register {
    const ids = Array.from({ length: this.#options.replicaCount }, (_, index) => index + 1);
    const links = ids
      .filter((id) => id !== me)
      .map((id): [ReplicaId, PaxosLink] => [replicaId(id), this.#link(me, id)]);
    const fatal = (error: unknown) => this.failures.push(error);
    const random = seededRandom(this.random.below(2 ** 31));
    const peer = new PaxosPeer({
      roster: rosterOf(me, ids.length, this.clock),
      links: new Map(links),
      journal: memoryJournal(),
      clock: this.clock,
      random,
      fatal,
    });
    const register: Register = {
      peer,
      value: 0,
      log: new PaxosLog<number>({
        peer,
        clock: this.clock,
        random,
        fatal,
        stateMachine: {
          apply: (_slot, commands) =>
            commands.map((command) => (register.value = Math.max(register.value, Number(textOf(command))))),
          recorded: () => undefined,
        },
      }),
    };
    return register;
  }

  #link(from: number, to: number): PaxosLink {
    const method =
      <Request, Reply>(
        handle: (peer: PaxosPeer, request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
      ): Call<Enveloped<Request>, Enveloped<Reply>> =>
      (request, { timeoutMs }) =>
        new Promise((resolve, reject) => {
          const timer = this.clock.timer(timeoutMs, () => reject(new Error('deadline exceeded')));
          const carried = async () => {
            await this.#travel(from, to);
            const reply = await handle(this.at(to - 1).peer, request);
            await this.#travel(from, to);
            timer.cancel();
            resolve(reply);
          };
          carried().catch((error: unknown) => {
            timer.cancel();
            reject(error instanceof Error ? error : new Error(String(error)));
          });
        });
    return {
      prepare: method((peer, request) => peer.handlePrepare(request)),
      accept: method((peer, request) => peer.handleAccept(request)),
      decide: method((peer, request) => peer.handleDecide(request)),
      learn: method((peer, request) => peer.handleLearn(request)),
      reach: method((peer, request) => peer.handleReach(request)),
    };
  }

  async #travel(from: number, to: number): Promise<void> {
    const lost = this.random.between(0, 1) < this.#options.loss;
    await this.clock.sleep(this.random.between(0.1, this.#options.delayLimitMs));
    if (lost || this.cut.has(from) || this.cut.has(to)) throw new Error('the message was lost');
  }
}
