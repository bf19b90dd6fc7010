import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { majorityOf } from '../server/members.js';
import { ReplicaProcess } from './replica-process.js';
import type { Engine } from './flags.js';
import type { LogLevel } from './pino-logger.js';
import { StatusClient } from './status-service.js';

export interface DevClusterOptions {
  /** One a replica, ids from 1. */
  readonly addresses: readonly string[];
  readonly engine: Engine;
  readonly logLevel: LogLevel;
  /** Told of a replica that ended without being told to. */
  readonly died: (replica: ReplicaProcess, how: string) => void;
}

/** How long the replicas may take to stop before they are killed. */
const stopLimitMs = 1500;
const pollIntervalMs = 50;
const pollTimeoutMs = 500;

/** The replicas of `dev`: processes of this machine, under one cluster id that no other cluster has. */
export class DevCluster {
  readonly replicas: readonly ReplicaProcess[];
  readonly #died: (replica: ReplicaProcess, how: string) => void;
  #stopping = false;

  constructor({ addresses, engine, logLevel, died }: DevClusterOptions) {
    this.#died = died;
    const peers = addresses.map((address, index) => `${index + 1}=${address}`).join(',');
    const clusterId = randomBytes(16).toString('hex');
    this.replicas = addresses.map((address, index) => {
      const id = index + 1;
      const flags = {
        '--id': String(id),
        '--peers': peers,
        '--cluster-id': clusterId,
        '--engine': engine,
        '--log-level': logLevel,
      };
      return new ReplicaProcess(id, address, ['serve', ...Object.entries(flags).flat()]);
    });
  }

  /** How many replicas agree on anything. */
  get majority(): number {
    return majorityOf(this.replicas.length);
  }

  get runningCount(): number {
    return this.replicas.filter(({ running }) => running).length;
  }

  /** Resolves when every replica listens; from then on deaths are told. @throws CommandFailure */
  async listening(): Promise<void> {
    await Promise.all(this.replicas.map(({ listening }) => listening));
    for (const replica of this.replicas) {
      void replica.ended.then((how) => {
        if (!this.#stopping) this.#died(replica, how);
      });
    }
  }

  /** Resolves with true when a majority serves, or with false when `signal` aborts. */
  async ready(signal: AbortSignal): Promise<boolean> {
    const clients = this.replicas.map(({ address }) => new StatusClient(address));
    try {
      while (!signal.aborted) {
        const statuses = await Promise.all(
          clients.map((client) => client.ask({ timeoutMs: pollTimeoutMs, signal })),
        );
        const serving = statuses.filter((status) => status.reachable && status.serving);
        if (serving.length >= this.majority) return true;
        await sleep(pollIntervalMs);
      }
      return false;
    } finally {
      for (const client of clients) client.close();
    }
  }

  /** Resolves when no replica runs any more. */
  async gone(): Promise<void> {
    await Promise.all(this.replicas.map(({ ended }) => ended));
  }

  /** Stops every replica: first by asking, then by force. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const replica of this.replicas) replica.signal('SIGTERM');
    await Promise.race([this.gone(), sleep(stopLimitMs)]);
    for (const replica of this.replicas) replica.signal('SIGKILL');
    await this.gone();
  }
}
