import type { Interceptor, ServerInterceptor } from '@grpc/grpc-js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { LinkFaults, type CutMode } from './link-faults.js';
import { ReceiverFaults } from './receiver-faults.js';

/**
 * The network of the socket era, put on gRPC by interceptors: receivers that lose requests and replies, and
 * links that are cut. Real sockets stay up throughout, so a healed link works at once. Servers are numbered
 * from 0. One receiver serves peers and clients alike and treats them alike.
 */
export class FaultModel {
  readonly #receivers: readonly ReceiverFaults[];
  readonly #links = new LinkFaults();

  /** @param random decides every fate; each receiver has its own stream, drawn from it. */
  constructor(
    readonly serverCount: number,
    random: Random,
  ) {
    this.#receivers = Array.from(
      { length: serverCount },
      () => new ReceiverFaults(seededRandom(random.below(2 ** 31))),
    );
  }

  /** RPCs accepted by all receivers together so far. */
  get rpcCount(): number {
    return this.#receivers.reduce((sum, { rpcCount }) => sum + rpcCount, 0);
  }

  /** For the listener of `server`. */
  serverInterceptor(server: number): ServerInterceptor {
    return this.#receiver(server).serverInterceptor;
  }

  /** For the channel from one server to another. */
  peerInterceptor(source: number, destination: number): Interceptor {
    return this.#links.interceptor(source, destination);
  }

  /** For the channel from a client to a server. */
  clientInterceptor(destination: number): Interceptor {
    return this.#links.interceptor('client', destination);
  }

  setUnreliable(server: number, unreliable: boolean): void {
    this.#receiver(server).unreliable = unreliable;
  }

  setAllUnreliable(unreliable: boolean): void {
    for (const receiver of this.#receivers) receiver.unreliable = unreliable;
  }

  /** The servers named discard all RPCs of these methods from now on; with no method, none. */
  loseAt(servers: readonly number[], ...methods: readonly string[]): void {
    for (const server of servers) this.#receiver(server).lostMethods = new Set(methods);
  }

  /** Only servers of one group reach each other; those in no group reach nobody. */
  partition(...groups: readonly (readonly number[])[]): void {
    this.#links.partition(groups);
  }

  heal(): void {
    this.#links.heal();
  }

  setDeaf(server: number, deaf: boolean): void {
    this.#links.setDeaf(server, deaf);
  }

  /** What calls over cut links and to deaf servers meet from now on; at first `fail-at-once`. */
  setCutMode(mode: CutMode): void {
    this.#links.mode = mode;
  }

  #receiver(server: number): ReceiverFaults {
    const receiver = this.#receivers[server];
    if (receiver === undefined) throw new RangeError(`there is no server ${server}`);
    return receiver;
  }
}
