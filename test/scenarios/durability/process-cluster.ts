import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../support/until.js';
import { freePorts } from '../../support/free-ports.js';
import type { Observed } from '../report.js';
import { engineOptions } from '../variant.js';
import { Endpoint } from './endpoint.js';
import { readPointCounts } from './point-counts.js';
import type { PointCounts } from './points.js';
import { ReplicaProcess } from './replica-process.js';
import type { KillAt, ReplicaSettings } from './replica-settings.js';

export interface ClusterSettings extends Partial<Pick<ReplicaSettings, 'syncedOnly' | 'withoutSync'>> {
  /** Whether a failure is what the test wants: nothing is kept of it. Default false. */
  readonly mustFail?: boolean;
  /** How late the syncs of each replica begin, in the order of ids; default: at once. */
  readonly syncDelaysMs?: readonly number[];
  /** Default: the product's own values. */
  readonly options?: ReplicaSettings['options'];
  /** Default 3. */
  readonly replicaCount?: number;
  /** Where the data directories are made; default: in the cluster's temporary directory. */
  readonly dataRoot?: string;
}

/** A replica that has not taken its part by then does not. */
const servingLimitMs = 30_000;
const sameStateLimitMs = 90_000;

/**
 * Replicas as processes, each with a directory of its own, that are killed, stopped and started at will. Their ids count
 * from 1.
 */
export class ProcessCluster implements Observed {
  readonly ids: readonly number[];
  readonly #running = new Map<number, ReplicaProcess>();
  readonly #endpoints: ReadonlyMap<number, Endpoint>;
  #starts = 0;
  /** What was counted, once the cluster has ended. */
  #finalCounts: PointCounts | undefined;
  operationCount = 0;

  private constructor(
    readonly directory: string,
    private readonly addresses: readonly string[],
    private readonly settings: ClusterSettings,
  ) {
    this.ids = addresses.map((_, index) => index + 1);
    this.#endpoints = new Map(addresses.map((address, index) => [index + 1, new Endpoint(address)]));
    mkdirSync(this.#countsDirectory);
  }

  /** Runs `body` on a cluster that serves, and ends it, however that ends; what the replicas printed is kept if it fails. */
  static async with<Value>(
    settings: ClusterSettings,
    body: (cluster: ProcessCluster) => Promise<Value>,
  ): Promise<Value> {
    const directory = await mkdtemp(join(tmpdir(), 'synod-durability-'));
    const ports = await freePorts(settings.replicaCount ?? 3);
    const cluster = new ProcessCluster(
      directory,
      ports.map((port) => `127.0.0.1:${port}`),
      settings,
    );
    let hasFailed = true;
    try {
      for (const id of cluster.ids) cluster.start(id);
      await cluster.allServe();
      const value = await body(cluster);
      hasFailed = false;
      return value;
    } catch (error) {
      if (settings.mustFail === true) throw error;
      const printed = cluster.ids.map((id) => cluster.logPath(id)).join(' ');
      throw new Error(
        `${error instanceof Error ? error.message : String(error)}\n(the replicas printed: ${printed})`,
        {
          cause: error,
        },
      );
    } finally {
      await cluster.#end(hasFailed && settings.mustFail !== true);
    }
  }

  get peerCount(): number {
    return this.ids.length;
  }

  /** Messages between replicas so far. */
  get rpcCount(): number {
    const counts = this.pointCounts();
    // Messages of omnipaxos are not counted; each frame of its log was brought about by one.
    if (this.#engine === 'omnipaxos') return counts['frame-synced'];
    return counts['prepare-sent'] + counts['accept-sent'] + counts['decide-sent'];
  }

  /** How often the replicas have passed each point, over all their lives. */
  pointCounts(): PointCounts {
    return this.#finalCounts ?? readPointCounts(this.#countsDirectory);
  }

  address(id: number): string {
    return this.endpoint(id).address;
  }

  endpoint(id: number): Endpoint {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) throw new RangeError(`there is no replica ${id}`);
    return endpoint;
  }

  dataDirectory(id: number): string {
    return join(this.settings.dataRoot ?? this.directory, `data-${id}`);
  }

  logPath(id: number): string {
    return join(this.directory, `replica-${id}.log`);
  }

  /** The process of a replica that runs or has ended by itself. */
  replica(id: number): ReplicaProcess {
    const replica = this.#running.get(id);
    if (replica === undefined) throw new Error(`replica ${id} is down`);
    return replica;
  }

  start(id: number, killAt?: KillAt): ReplicaProcess {
    if (this.#running.has(id)) throw new Error(`replica ${id} is up already`);
    this.#starts += 1;
    const { options = {}, syncedOnly = false, syncDelaysMs = [], withoutSync } = this.settings;
    const replica = new ReplicaProcess(
      {
        id,
        options: { ...engineOptions, ...options },
        syncedOnly,
        syncDelayMs: syncDelaysMs[id - 1] ?? 0,
        ...(withoutSync === undefined ? {} : { withoutSync }),
        peers: this.addresses.map((address, index) => ({ id: index + 1, address })),
        dataDirectory: this.dataDirectory(id),
        countsFile: join(this.#countsDirectory, String(this.#starts)),
        ...(killAt === undefined ? {} : { killAt }),
      },
      this.logPath(id),
    );
    this.#running.set(id, replica);
    return replica;
  }

  /** Kills replicas at once, and waits until they are gone. */
  async kill(...ids: readonly number[]): Promise<void> {
    const killed = ids.map((id) => this.replica(id));
    for (const replica of killed) replica.signal('SIGKILL');
    for (const [index, replica] of killed.entries()) {
      const ending = await replica.ended;
      if (ending !== 'SIGKILL') throw this.#died(ids[index]!, replica);
      this.#running.delete(ids[index]!);
    }
  }

  /** Waits until a replica has killed itself, as it was told to. */
  async killedItself(id: number, limitMs: number): Promise<void> {
    const replica = this.replica(id);
    const { point, count } = replica.settings.killAt!;
    await this.#until(`replica ${id} passes ${point} ${count} times`, limitMs, () => replica.ending);
    if (replica.ending !== 'SIGKILL') throw this.#died(id, replica);
    this.#running.delete(id);
  }

  /** Resolves when all replicas that are up serve. */
  async allServe(): Promise<void> {
    await this.#until('all replicas serve', servingLimitMs, async () => {
      this.expectAlive();
      const serving = await Promise.all([...this.#running.keys()].map((id) => this.endpoint(id).isServing()));
      return serving.every(Boolean) ? true : undefined;
    });
  }

  /** The replicas that take a client's writes: all that are up, or their leader. */
  async writers(): Promise<readonly number[]> {
    if (this.#engine === 'paxos') return [...this.#running.keys()];
    return this.#until('a leader takes writes', servingLimitMs, async () => {
      const statuses = await Promise.all([...this.#running.keys()].map((id) => this.endpoint(id).status()));
      const leading = statuses.filter((status) => status?.leader?.phase === 'leading');
      const [leader] = leading;
      return leading.length === 1 && leader !== undefined ? [leader.replicaId] : undefined;
    });
  }

  /** @throws Error if a replica has ended that nobody has killed */
  expectAlive(): void {
    for (const [id, replica] of this.#running)
      if (replica.ending !== undefined) throw this.#died(id, replica);
  }

  /** Waits until all replicas have one state, and answers its digest. */
  async sameState(): Promise<{ readonly through: number; readonly digest: string; readonly keys: number }> {
    return this.#until('all replicas have the same state', sameStateLimitMs, async () => {
      this.expectAlive();
      const states = await Promise.all(this.ids.map((id) => this.#state(id)));
      const [first, ...others] = states;
      if (first === undefined || first.through < 0) return undefined;
      if (others.some(({ through }) => through !== first.through)) return undefined;
      for (const { digest } of others) {
        if (digest !== first.digest)
          throw new Error(`digests differ at slot ${first.through}: ${JSON.stringify(states)}`);
      }
      return first;
    });
  }

  /** What keeps each replica that is up from taking its full part, in its own words. */
  async troubles(): Promise<string> {
    const told = [...this.#running.keys()].map(async (id) => {
      const status = await this.endpoint(id).status();
      const trouble = status === undefined ? 'does not answer' : status.trouble || 'is well';
      return `replica ${id}: ${trouble}, applied ${status?.slots?.applied ?? 'nothing'}`;
    });
    return (await Promise.all(told)).join('; ');
  }

  async #until<Value>(
    what: string,
    limitMs: number,
    look: () => Value | undefined | Promise<Value | undefined>,
  ) {
    try {
      return await until(what, limitMs, look);
    } catch (error) {
      this.expectAlive();
      throw new Error(
        `${error instanceof Error ? error.message : String(error)} (${await this.troubles()})`,
        {
          cause: error,
        },
      );
    }
  }

  async #state(id: number) {
    const status = await this.endpoint(id).status();
    return {
      through: status?.slots?.applied ?? -1,
      digest: status?.digest ?? '',
      keys: status?.keyCount ?? 0,
    };
  }

  get #engine() {
    return this.settings.options?.engine ?? engineOptions.engine ?? 'paxos';
  }

  get #countsDirectory(): string {
    return join(this.directory, 'counts');
  }

  #died(id: number, replica: ReplicaProcess): Error {
    return new Error(`replica ${id} ended by itself (${replica.ending}):\n${replica.lastWords()}`);
  }

  async #end(keepLogs: boolean): Promise<void> {
    for (const endpoint of this.#endpoints.values()) endpoint.close();
    await Promise.all([...this.#running.values()].map((replica) => replica.kill()));
    this.#finalCounts = this.pointCounts();
    if (!keepLogs) await rm(this.directory, { recursive: true });
    else for (const id of this.ids) await rm(this.dataDirectory(id), { recursive: true, force: true });
  }
}
