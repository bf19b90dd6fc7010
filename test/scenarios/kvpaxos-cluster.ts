import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startReplica, type Clerk, type RunningReplica, type StartReplicaOptions } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { untilAllServe } from '../support/all-serve.js';
import { CountedClerk } from './counted-clerk.js';
import { FaultModel } from './fault-model.js';
import type { Observed } from './report.js';
import { diskOptions, readOptions } from './variant.js';

export interface KvpaxosClusterOptions {
  readonly serverCount: number;
  /** Decides the faults. */
  readonly random: Random;
  /** How long its clerks wait for one server before they try another; default: the whole scenario. */
  readonly attemptTimeoutMs?: number;
  /** Handed to every replica; default: the product's own values. */
  readonly replicaOptions?: Pick<
    StartReplicaOptions,
    'sessionParameters' | 'helloIntervalMs' | 'roundTimeoutMs'
  >;
}

/** The clerks of the labs wait for a server as long as it takes. */
const noAttemptTimeoutMs = 600_000;

/**
 * Replicas of the key/value service on sockets of their own, behind the fault model. What peers send each other and
 * what clients send is lost alike; partitions cut only the links between servers. Servers are numbered from 0.
 */
export class KvpaxosCluster implements Observed {
  readonly faults: FaultModel;
  #operationCount = 0;
  readonly #running: RunningReplica[] = [];
  readonly #clerks = new Set<Clerk>();
  /** Why replicas have stopped themselves. */
  readonly #failures: Error[] = [];

  private constructor(
    private readonly directory: string,
    private readonly options: KvpaxosClusterOptions,
  ) {
    this.faults = new FaultModel(options.serverCount, options.random);
  }

  /** Listens on Unix sockets in a directory of its own, so that no two clusters ever meet; all servers serve. */
  static async start(options: KvpaxosClusterOptions): Promise<KvpaxosCluster> {
    const cluster = new KvpaxosCluster(await mkdtemp(join(tmpdir(), 'synod-kvpaxos-')), options);
    for (const server of cluster.servers) await cluster.#startServer(server);
    await untilAllServe(cluster.#running);
    return cluster;
  }

  /** Runs `body` on a cluster of its own and closes it, however that ends. */
  static async with(
    options: KvpaxosClusterOptions,
    body: (cluster: KvpaxosCluster) => Promise<void>,
  ): Promise<void> {
    const cluster = await KvpaxosCluster.start(options);
    try {
      await body(cluster);
    } finally {
      await cluster.close();
    }
  }

  get peerCount(): number {
    return this.options.serverCount;
  }

  get rpcCount(): number {
    return this.faults.rpcCount;
  }

  /** Calls of clerks so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** The numbers of all servers. */
  get servers(): readonly number[] {
    return Array.from({ length: this.peerCount }, (_, server) => server);
  }

  replica(server: number): RunningReplica {
    const replica = this.#running[server];
    if (replica === undefined) throw new RangeError(`there is no server ${server}`);
    return replica;
  }

  endpoint(server: number): string {
    return `unix:${join(this.directory, `${server}.sock`)}`;
  }

  /** A clerk that tries these servers, in this order; without any, it tries all. Closed with the cluster. */
  clerk(...servers: readonly number[]): Clerk {
    const tried = servers.length === 0 ? this.servers : servers;
    const clerk = new CountedClerk(
      {
        endpoints: tried.map((server) => this.endpoint(server)),
        attemptTimeoutMs: this.options.attemptTimeoutMs ?? noAttemptTimeoutMs,
      },
      () => (this.#operationCount += 1),
    );
    this.#clerks.add(clerk);
    return clerk;
  }

  /** A clerk for each server, which tries that one only. */
  clerkForEach(): Clerk[] {
    return this.servers.map((server) => this.clerk(server));
  }

  /** Lets `body` have a clerk as `clerk` makes it, and closes that afterwards. */
  async withClerk<Value>(servers: readonly number[], body: (clerk: Clerk) => Promise<Value>): Promise<Value> {
    const clerk = this.clerk(...servers);
    try {
      return await body(clerk);
    } finally {
      await clerk.close();
      this.#clerks.delete(clerk);
    }
  }

  /** @throws Error if a replica had stopped itself, which the others may have hidden from the clients */
  async close(): Promise<void> {
    this.faults.heal();
    this.faults.setAllUnreliable(false);
    await Promise.all([...this.#clerks].map((clerk) => clerk.close()));
    await Promise.all(this.#running.map((replica) => replica.close()));
    await rm(this.directory, { recursive: true, force: true });
    const [failure] = this.#failures;
    if (failure !== undefined) throw failure;
  }

  async #startServer(server: number): Promise<void> {
    const replica = await startReplica({
      ...readOptions,
      ...diskOptions(this.directory, server),
      ...this.options.replicaOptions,
      id: server + 1,
      peers: this.servers.map((member) => ({ id: member + 1, address: this.endpoint(member) })),
      serverInterceptors: [this.faults.serverInterceptor(server)],
      peerInterceptors: (id) => [this.faults.peerInterceptor(server, id - 1)],
      onFailure: (cause) => this.#failures.push(new Error(`server ${server} stopped itself`, { cause })),
    });
    this.#running.push(replica);
  }
}

/** Reads a key and compares. */
export async function expectValue(clerk: Clerk, key: string, value: string): Promise<void> {
  expect(await clerk.get(key)).to.equal(value);
}

/** Reads a key through every server in turn; they must not differ. Answers the value. */
export async function expectSameValue(clerks: readonly Clerk[], key: string): Promise<string> {
  const [first, ...others] = clerks;
  if (first === undefined) throw new RangeError('there is no clerk to read with');
  const value = await first.get(key);
  for (const clerk of others) await expectValue(clerk, key, value);
  return value;
}
