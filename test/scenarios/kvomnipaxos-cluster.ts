import type { Clerk, StartReplicaOptions } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { until } from '../support/until.js';
import { ClientFaults } from './client-faults.js';
import {
  KeyValueCluster,
  startCluster,
  withCluster,
  type KeyValueClusterOptions,
} from './key-value-cluster.js';
import { shuffled } from './random-choices.js';
import { StreamFaults } from './stream-faults.js';

export interface KvomnipaxosClusterOptions extends KeyValueClusterOptions {
  /** Whether every server has a real disk, in whatever variant the suites run. Default false. */
  readonly disk?: boolean;
  /** Handed to every replica; default: the product's own values. */
  readonly replicaOptions?: Pick<
    StartReplicaOptions,
    'electionTimeoutMs' | 'wrapDisk' | 'segmentBytes' | 'logLimitSlots' | 'logLimitBytes'
  >;
}

/** No election takes so long, unless nobody can win it. */
const electionLimitMs = 10_000;

/**
 * Replicas on the omnipaxos engine. All that peers send each other, streams and unary calls alike, goes over faulty links;
 * what clients send is lost only while the whole network is unreliable.
 */
export class KvomnipaxosCluster extends KeyValueCluster {
  readonly faults: StreamFaults;
  readonly #clients: readonly ClientFaults[];

  private constructor(
    directory: string,
    private readonly options: KvomnipaxosClusterOptions,
  ) {
    const { serverCount, random } = options;
    super(directory, serverCount, undefined);
    this.faults = new StreamFaults(serverCount, random);
    this.#clients = this.servers.map(() => new ClientFaults(random));
  }

  static start(options: KvomnipaxosClusterOptions): Promise<KvomnipaxosCluster> {
    return startCluster((directory) => new KvomnipaxosCluster(directory, options));
  }

  /** Runs `body` on a cluster of its own and closes it, however that ends. */
  static with(
    options: KvomnipaxosClusterOptions,
    body: (cluster: KvomnipaxosCluster) => Promise<void>,
  ): Promise<void> {
    return withCluster(KvomnipaxosCluster.start(options), body);
  }

  /** Two messages between servers are one RPC, and so is every call of a client: each attempt, whatever became of it. */
  override get rpcCount(): number {
    return this.faults.rpcCount + this.#clients.reduce((sum, { callCount }) => sum + callCount, 0);
  }

  /** Calls that clients have sent to one server. */
  callsAt(server: number): number {
    return this.#client(server).callCount;
  }

  /** Makes the network lose and delay what servers and clients send, or ends that. */
  setUnreliable(unreliable: boolean): void {
    this.faults.unreliable = unreliable;
    for (const client of this.#clients) client.unreliable = unreliable;
  }

  /** A clerk that tries all servers in an order drawn for it. */
  withFreshClerk<Value>(random: Random, body: (clerk: Clerk) => Promise<Value>): Promise<Value> {
    return this.withClerk(shuffled(this.servers, random), body);
  }

  /** Whoever leads by its own word, under the highest ballot. */
  get leader(): number | undefined {
    const leaders = this.servers.filter((server) => {
      const { leader } = this.replica(server).status();
      return leader?.replica === server + 1 && leader.phase === 'leading';
    });
    return leaders.sort((left, right) => this.#round(right) - this.#round(left))[0];
  }

  /** The round of the highest ballot that anybody follows; every election raises it. */
  get round(): number {
    return Math.max(...this.servers.map((server) => this.#round(server)));
  }

  /** Waits for somebody to lead, of these. */
  untilLedBy(...servers: readonly number[]): Promise<number> {
    const wanted = servers.length === 0 ? this.servers : servers;
    return until(`one of ${wanted.join(', ')} leads`, electionLimitMs, () => {
      const { leader } = this;
      return leader !== undefined && wanted.includes(leader) ? leader : undefined;
    });
  }

  /** Waits until everybody follows one leader, and has the log that it has. Answers the leader. */
  untilInStep(): Promise<number> {
    return until('all follow one leader', electionLimitMs, () => {
      const { leader } = this;
      const isInStep = this.servers.every((server) => {
        const { leader: followed } = this.replica(server).status();
        if (followed === undefined || leader === undefined || followed.replica !== leader + 1) return false;
        return followed.phase === (server === leader ? 'leading' : 'following');
      });
      return isInStep ? leader : undefined;
    });
  }

  protected override endFaults(): void {
    this.faults.heal();
    this.setUnreliable(false);
  }

  protected override replicaOptions(server: number, directory: string): Partial<StartReplicaOptions> {
    return {
      ...this.options.replicaOptions,
      ...(this.options.disk === true ? { dataDirectory: `${directory}/${server}` } : {}),
      engine: 'omnipaxos',
      serverInterceptors: [this.#client(server).serverInterceptor],
      peerInterceptors: (id) => [this.faults.interceptor(server, id - 1)],
    };
  }

  #round(server: number): number {
    return Number.parseInt(this.replica(server).status().leader?.ballot ?? '', 10) || 0;
  }

  #client(server: number): ClientFaults {
    const client = this.#clients[server];
    if (client === undefined) throw new RangeError(`there is no server ${server}`);
    return client;
  }
}
