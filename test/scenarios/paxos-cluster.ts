import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePaxosPeer, type PaxosPeer, type RunningPaxosPeer } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { FaultModel } from './fault-model.js';
import type { Observed } from './report.js';
import { diskOptions } from './variant.js';

export interface PaxosClusterOptions {
  /** Members of the cluster, which are numbered from 0. */
  readonly peerCount: number;
  /** The members that are made at first; default: all. */
  readonly made?: readonly number[];
  /** Decides the faults. */
  readonly random: Random;
  /** Handed to every peer; default: the library's own. */
  readonly roundTimeoutMs?: number;
}

/** The waiting rule of the suite: looks up to 30 times, with gaps from 10 ms that double to at least 1 s. */
const waitPolls = 30;
const firstGapMs = 10;
const doubleBelowMs = 1000;
/** How long `expectAtMost` gives a decision that must not come. */
const expectAtMostMs = 3000;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Peers of the Paxos library on sockets of their own, behind the fault model. Values are texts. */
export class PaxosCluster implements Observed {
  readonly faults: FaultModel;
  #operationCount = 0;
  readonly #running = new Map<number, RunningPaxosPeer>();

  private constructor(
    private readonly directory: string,
    private readonly options: PaxosClusterOptions,
  ) {
    this.faults = new FaultModel(options.peerCount, options.random);
  }

  /** Listens on Unix sockets in a directory of its own, so that no two clusters ever meet. */
  static async start(options: PaxosClusterOptions): Promise<PaxosCluster> {
    const cluster = new PaxosCluster(await mkdtemp(join(tmpdir(), 'synod-paxos-')), options);
    for (const index of options.made ?? cluster.indices) await cluster.make(index);
    return cluster;
  }

  /** Runs `body` on a cluster of its own and closes it, however that ends. */
  static async with(
    options: PaxosClusterOptions,
    body: (cluster: PaxosCluster) => Promise<void>,
  ): Promise<void> {
    const cluster = await PaxosCluster.start(options);
    try {
      await body(cluster);
    } finally {
      await cluster.close();
    }
  }

  get peerCount(): number {
    return this.options.peerCount;
  }

  get rpcCount(): number {
    return this.faults.rpcCount;
  }

  /** Proposals made and decisions waited for so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** The numbers of all members, made or not. */
  get indices(): readonly number[] {
    return Array.from({ length: this.peerCount }, (_, index) => index);
  }

  /** The peers that were made. */
  get peers(): readonly PaxosPeer[] {
    return [...this.#running.values()].map(({ peer }) => peer);
  }

  peer(index: number): PaxosPeer {
    const running = this.#running.get(index);
    if (running === undefined) throw new RangeError(`peer ${index} was not made`);
    return running.peer;
  }

  async make(index: number): Promise<void> {
    const { roundTimeoutMs } = this.options;
    const running = await makePaxosPeer({
      ...diskOptions(this.directory, index),
      peers: this.indices.map((member) => ({ id: member + 1, address: this.#address(member) })),
      me: index + 1,
      serverInterceptors: [this.faults.serverInterceptor(index)],
      peerInterceptors: (id) => [this.faults.peerInterceptor(index, id - 1)],
      ...(roundTimeoutMs === undefined ? {} : { roundTimeoutMs }),
    });
    this.#running.set(index, running);
  }

  propose(index: number, slot: number, value: string): void {
    this.#operationCount += 1;
    this.peer(index).start(slot, encoder.encode(value));
  }

  /** The value of a slot as one peer knows it; undefined if it knows no decision. */
  decidedValue(index: number, slot: number): string | undefined {
    const status = this.peer(index).status(slot);
    return status.kind === 'decided' ? decoder.decode(status.value) : undefined;
  }

  /**
   * How many peers know the decision of a slot.
   * @throws Error if two of them know different ones
   */
  decidedCount(slot: number): number {
    let decided: Uint8Array | undefined;
    let count = 0;
    for (const peer of this.peers) {
      const status = peer.status(slot);
      if (status.kind !== 'decided') continue;
      count += 1;
      decided ??= status.value;
      if (Buffer.compare(decided, status.value) !== 0) {
        const [left, right] = [decoder.decode(decided), decoder.decode(status.value)];
        throw new Error(`slot ${slot} was decided both as "${left}" and as "${right}"`);
      }
    }
    return count;
  }

  /** Waits until at least `count` peers know the decision of a slot. */
  async waitForDecided(slot: number, count: number): Promise<void> {
    this.#operationCount += 1;
    let gapMs = firstGapMs;
    for (let poll = 0; poll < waitPolls; poll += 1) {
      if (this.decidedCount(slot) >= count) return;
      await sleep(gapMs);
      if (gapMs < doubleBelowMs) gapMs *= 2;
    }
    const decided = this.decidedCount(slot);
    if (decided < count) throw new Error(`slot ${slot}: ${decided} peers know a decision, expected ${count}`);
  }

  waitForAll(slot: number): Promise<void> {
    return this.waitForDecided(slot, this.peerCount);
  }

  waitForMajority(slot: number): Promise<void> {
    return this.waitForDecided(slot, Math.floor(this.peerCount / 2) + 1);
  }

  /** Gives a decision three seconds to spread further than it may. */
  async expectAtMost(slot: number, count: number): Promise<void> {
    await sleep(expectAtMostMs);
    const decided = this.decidedCount(slot);
    if (decided > count)
      throw new Error(`slot ${slot}: ${decided} peers know a decision, at most ${count} may`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.close()));
    await rm(this.directory, { recursive: true, force: true });
  }

  #address(index: number): string {
    return `unix:${join(this.directory, `${index}.sock`)}`;
  }
}
