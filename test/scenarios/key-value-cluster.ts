import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { startReplica, type Clerk, type RunningReplica, type StartReplicaOptions } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { untilAllServe } from '../support/all-serve.js';
import { CountedClerk } from './counted-clerk.js';
import type { Observed } from './report.js';
import { diskOptions, readOptions } from './variant.js';

export interface KeyValueClusterOptions {
  readonly serverCount: number;
  /** Decides the faults. */
  readonly random: Random;
}

/** The clerks of the labs wait for a server as long as it takes. */
export const noAttemptTimeoutMs = 600_000;

/**
 * Replicas of the key/value service on sockets of their own, behind faults that each kind of cluster has for itself.
 * Servers are numbered from 0.
 */
export abstract class KeyValueCluster implements Observed {
  #operationCount = 0;
  readonly #running = new Map<number, RunningReplica>();
  readonly #clerks = new Set<Clerk>();
  /** Why replicas have stopped themselves. */
  readonly #failures: Error[] = [];

  /**
   * @param directory for sockets and data; goes with the cluster
   * @param attemptTimeoutMs how long its clerks wait for one server before they try another; default: the product's own
   */
  protected constructor(
    private readonly directory: string,
    readonly peerCount: number,
    private readonly attemptTimeoutMs: number | undefined,
  ) {}

  abstract get rpcCount(): number;

  /** Ends every fault. */
  protected abstract endFaults(): void;

  /** What a server of this kind is started with beside its identity. */
  protected abstract replicaOptions(server: number, directory: string): Partial<StartReplicaOptions>;

  /** Calls of clerks so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** The numbers of all servers. */
  get servers(): readonly number[] {
    return Array.from({ length: this.peerCount }, (_, server) => server);
  }

  replica(server: number): RunningReplica {
    const replica = this.#running.get(server);
    if (replica === undefined) throw new RangeError(`there is no server ${server} that runs`);
    return replica;
  }

  endpoint(server: number): string {
    return `unix:${join(this.directory, `${server}.sock`)}`;
  }

  /** A clerk that tries these servers, in this order; without any, it tries all. Closed with the cluster. */
  clerk(...servers: readonly number[]): Clerk {
    const tried = servers.length === 0 ? this.servers : servers;
    const { attemptTimeoutMs } = this;
    const clerk = new CountedClerk(
      {
        endpoints: tried.map((server) => this.endpoint(server)),
        ...(attemptTimeoutMs === undefined ? {} : { attemptTimeoutMs }),
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

  /** Starts these servers, which are down, from what their disks have; one without a disk must not return (rule R1). */
  async startServers(servers: readonly number[] = this.servers): Promise<void> {
    for (const server of servers) await this.#startServer(server);
  }

  /** Shuts these servers down, all at once. */
  async stopServers(servers: readonly number[]): Promise<void> {
    await Promise.all(servers.map((server) => this.replica(server).close()));
    for (const server of servers) this.#running.delete(server);
  }

  /** Resolves when every server that runs serves. */
  untilServing(): Promise<void> {
    return untilAllServe([...this.#running.values()]);
  }

  /** @throws Error if a replica had stopped itself, which the others may have hidden from the clients */
  async close(): Promise<void> {
    this.endFaults();
    await Promise.all([...this.#clerks].map((clerk) => clerk.close()));
    await this.stopServers([...this.#running.keys()]);
    await rm(this.directory, { recursive: true, force: true });
    const [failure] = this.#failures;
    if (failure !== undefined) throw failure;
  }

  async #startServer(server: number): Promise<void> {
    const replica = await startReplica({
      ...readOptions,
      ...diskOptions(this.directory, server),
      ...this.replicaOptions(server, this.directory),
      id: server + 1,
      peers: this.servers.map((member) => ({ id: member + 1, address: this.endpoint(member) })),
      onFailure: (cause) => this.#failures.push(new Error(`server ${server} stopped itself`, { cause })),
    });
    this.#running.set(server, replica);
  }
}

/** Makes a cluster in a directory of its own, so that no two ever meet, and resolves when all its servers serve. */
export async function startCluster<Cluster extends KeyValueCluster>(
  make: (directory: string) => Cluster,
): Promise<Cluster> {
  const cluster = make(await mkdtemp(join(tmpdir(), 'synod-cluster-')));
  await cluster.startServers();
  await cluster.untilServing();
  return cluster;
}

/** Runs `body` on a cluster and closes it, however that ends. */
export async function withCluster<Cluster extends Pick<KeyValueCluster, 'close'>>(
  started: Promise<Cluster>,
  body: (cluster: Cluster) => Promise<void>,
): Promise<void> {
  const cluster = await started;
  try {
    await body(cluster);
  } finally {
    await cluster.close();
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
