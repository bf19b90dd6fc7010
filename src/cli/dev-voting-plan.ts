import { majorityOf, toleranceOf } from '../server/members.js';
import { replicaDirectory } from './dev-data.js';
import type { DevPlan } from './dev-plan.js';
import { nextSteps } from './dev-text.js';
import { defaultPort, defaultReplicaCount, loopbackAddresses, type Engine } from './flags.js';
import type { LogLevel } from './log-level.js';
import type { EndpointStatus } from './status-report.js';

export interface VotingPlanOptions {
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

/** A cluster of replicas that vote, under one cluster id that no other cluster has. */
export function votingPlan(options: VotingPlanOptions): DevPlan {
  const { addresses, dataDirectory, rebuild } = options;
  const majority = majorityOf(addresses.length);
  const place =
    dataDirectory === undefined ? 'everything is kept in memory' : `data is kept in ${dataDirectory}`;
  return {
    addresses,
    viewService: undefined,
    serveCommandLine: (id, start) => [
      ...['serve', ...serveFlags(options, id)],
      // Once: a restart goes on from what was rebuilt.
      ...(rebuild === id && start === 'first' ? ['--rebuild'] : []),
    ],
    mayReturn: dataDirectory !== undefined,
    majority,
    isReady: (running) => isReady(running, majority),
    introduction: `${toleranceOf(addresses.length)}; ${place}`,
    nextSteps: nextSteps(
      endpointsFlag(addresses),
      addresses.length > majority ? 'then kill a replica with kill -9 and its pid, and get again' : undefined,
    ),
  };
}

/**
 * All replicas that run serve, and they are a majority. Not the majority alone: a new replica that is not on record yet
 * at enough others would never vote if one of them died now, so the cluster would not survive what `ready` invites to.
 */
const isReady = (running: readonly EndpointStatus[], majority: number): boolean =>
  running.length >= majority && running.every((status) => status.reachable && status.serving);

/** The flags of one replica's `serve`. */
function serveFlags(options: VotingPlanOptions, id: number): string[] {
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

/** What a client command needs to find the cluster. */
function endpointsFlag(addresses: readonly string[]): string {
  const isDefault = loopbackAddresses(defaultPort, defaultReplicaCount).join() === addresses.join();
  return isDefault ? '' : ` --endpoints ${addresses.join(',')}`;
}
