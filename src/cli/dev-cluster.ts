import { setTimeout as sleep } from 'node:timers/promises';
import { majorityOf } from '../server/members.js';
import { CommandFailure, type FailureKind } from './command-failure.js';
import { replicaDirectory } from './dev-data.js';
import { exitCodes } from './exit-codes.js';
import type { Engine } from './flags.js';
import type { LogLevel } from './pino-logger.js';
import { ReplicaProcess } from './replica-process.js';
import { StatusClient } from './status-service.js';
import { SupervisedReplica, type Death, type SupervisionOptions } from './supervised-replica.js';

export interface DevClusterOptions extends Pick<SupervisionOptions, 'died' | 'returned'> {
  /** One a replica, ids from 1. */
  readonly addresses: readonly string[];
  readonly clusterId: string;
  readonly engine: Engine;
  readonly electionTimeout: number;
  readonly logLevel: LogLevel;
  /** Where the directories of the replicas are; undefined keeps all state in memory. */
  readonly dataDirectory: string | undefined;
  /** The replica that may start although its directory is marked suspect. */
  readonly rebuild: number | undefined;
}

/** How long the replicas may take to stop before they are killed. */
const stopLimitMs = 1500;
const pollIntervalMs = 50;
const pollTimeoutMs = 500;

const clock: SupervisionOptions['clock'] = {
  now: () => performance.now(),
  // Rejects for no other reason than the abort.
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};

/** The replicas of `dev`: processes of this machine, under one cluster id that no other cluster has. */
export class DevCluster {
  readonly replicas: readonly SupervisedReplica[];

  constructor(options: DevClusterOptions) {
    const { addresses, dataDirectory, rebuild, died, returned } = options;
    this.replicas = addresses.map((address, index) => {
      const id = index + 1;
      const serveArguments = ['serve', ...serveFlags(options, id)];
      // Once: a restart goes on from what was rebuilt.
      const firstFlags = rebuild === id ? ['--rebuild'] : [];
      return new SupervisedReplica({
        id,
        address,
        durable: dataDirectory !== undefined,
        start: () => new ReplicaProcess([...serveArguments, ...firstFlags.splice(0)]),
        clock,
        died,
        returned,
      });
    });
  }

  /** How many replicas agree on anything. */
  get majority(): number {
    return majorityOf(this.replicas.length);
  }

  get runningCount(): number {
    return this.replicas.filter(({ running }) => running).length;
  }

  /** Resolves when every replica listens whose disk is not damaged. @throws CommandFailure if another cannot start */
  async started(): Promise<void> {
    await Promise.all(
      this.replicas.map(async ({ id, startProblem }) => {
        const death = await startProblem;
        if (death !== undefined) throw startFailure(id, death);
      }),
    );
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

  /** Resolves when no replica runs any more, and none is started again. */
  async gone(): Promise<void> {
    await Promise.all(this.replicas.map(({ gone }) => gone));
  }

  /** Stops every replica: first by asking, then by force. */
  async stop(): Promise<void> {
    for (const replica of this.replicas) replica.stop('SIGTERM');
    await Promise.race([this.gone(), sleep(stopLimitMs)]);
    for (const replica of this.replicas) replica.stop('SIGKILL');
    await this.gone();
  }
}

/** The flags of one replica's `serve`. */
function serveFlags(options: DevClusterOptions, id: number): string[] {
  const { addresses, clusterId, engine, electionTimeout, logLevel, dataDirectory } = options;
  const peers = addresses.map((address, index) => `${index + 1}=${address}`).join(',');
  const storage =
    dataDirectory === undefined ? ['--in-memory'] : ['--data-dir', replicaDirectory(dataDirectory, id)];
  return [
    ...['--id', String(id), '--peers', peers, '--cluster-id', clusterId],
    ...['--engine', engine, '--log-level', logLevel],
    ...['--election-timeout', `${electionTimeout}ms`],
    ...storage,
  ];
}

const kindOfCode = new Map<number | undefined, FailureKind>([
  [exitCodes.cannotListen, 'cannot-listen'],
  [exitCodes.directory, 'directory-refused'],
]);

function startFailure(id: number, { how, exitCode, reason }: Death): CommandFailure {
  const kind = kindOfCode.get(exitCode) ?? 'internal';
  const remedy = kind === 'cannot-listen' ? '; choose other ports with --port' : '';
  return new CommandFailure({ kind, message: `replica ${id} did not start: ${reason ?? how}${remedy}` });
}
