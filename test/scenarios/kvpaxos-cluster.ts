import type { StartReplicaOptions } from '../../src/index.js';
import { FaultModel } from './fault-model.js';
import {
  KeyValueCluster,
  noAttemptTimeoutMs,
  startCluster,
  withCluster,
  type KeyValueClusterOptions,
} from './key-value-cluster.js';

export { expectSameValue, expectValue } from './key-value-cluster.js';

export interface KvpaxosClusterOptions extends KeyValueClusterOptions {
  /** How long its clerks wait for one server before they try another; default: the whole scenario. */
  readonly attemptTimeoutMs?: number;
  /** Handed to every replica; default: the product's own values. */
  readonly replicaOptions?: Pick<
    StartReplicaOptions,
    'sessionParameters' | 'helloIntervalMs' | 'roundTimeoutMs'
  >;
}

/**
 * Replicas on the paxos engine behind the fault model. What peers send each other and what clients send is lost alike;
 * partitions cut only the links between servers.
 */
export class KvpaxosCluster extends KeyValueCluster {
  readonly faults: FaultModel;

  private constructor(
    directory: string,
    private readonly options: KvpaxosClusterOptions,
  ) {
    super(directory, options.serverCount, options.attemptTimeoutMs ?? noAttemptTimeoutMs);
    this.faults = new FaultModel(options.serverCount, options.random);
  }

  static start(options: KvpaxosClusterOptions): Promise<KvpaxosCluster> {
    return startCluster((directory) => new KvpaxosCluster(directory, options));
  }

  /** Runs `body` on a cluster of its own and closes it, however that ends. */
  static with(
    options: KvpaxosClusterOptions,
    body: (cluster: KvpaxosCluster) => Promise<void>,
  ): Promise<void> {
    return withCluster(KvpaxosCluster.start(options), body);
  }

  override get rpcCount(): number {
    return this.faults.rpcCount;
  }

  protected override endFaults(): void {
    this.faults.heal();
    this.faults.setAllUnreliable(false);
  }

  protected override replicaOptions(server: number): Partial<StartReplicaOptions> {
    return {
      ...this.options.replicaOptions,
      serverInterceptors: [this.faults.serverInterceptor(server)],
      peerInterceptors: (id) => [this.faults.peerInterceptor(server, id - 1)],
    };
  }
}
