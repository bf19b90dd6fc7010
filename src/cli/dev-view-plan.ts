import { CommandFailure } from './command-failure.js';
import type { DevPlan } from './dev-plan.js';
import { nextSteps } from './dev-text.js';
import { defaultDevDirectory, defaultPort, defaultReplicaCount, viewServiceAddress } from './flags.js';
import type { LogLevel } from './log-level.js';
import type { EndpointStatus, ReachableStatus } from './status-report.js';

export interface ViewPlanOptions {
  readonly addresses: readonly string[];
  /** Of the first replica; the view service takes the one below. */
  readonly port: number;
  /** Milliseconds. */
  readonly pingInterval: number;
  readonly deadPings: number;
  readonly logLevel: LogLevel;
}

/** A cluster of primary/backup with its view service. @throws CommandFailure if there is no port for that */
export function viewPlan({ addresses, port, pingInterval, deadPings, logLevel }: ViewPlanOptions): DevPlan {
  if (port === 1) {
    throw new CommandFailure({
      kind: 'usage',
      message:
        'there is no port for the view service: it takes the one below the first replica, so --port is at least 2',
    });
  }
  const viewService = viewServiceAddress(port);
  const common = ['--ping-interval', `${pingInterval}ms`, '--log-level', logLevel];
  const isDefault = port === defaultPort && addresses.length === defaultReplicaCount;
  return {
    addresses,
    viewService: {
      address: viewService,
      commandLine: ['viewd', '--listen', viewService, '--dead-pings', String(deadPings), ...common],
    },
    serveCommandLine: (id) => [
      ...['serve', '--engine', 'primary-backup', '--id', String(id)],
      ...['--view-service', viewService, '--address', addresses[id - 1] ?? '', ...common],
    ],
    mayReturn: true,
    majority: undefined,
    isReady: (running) => isReady(running, addresses.length),
    introduction: `${survivalText(addresses.length)}; everything is kept in memory, and ./${defaultDevDirectory} is not used`,
    nextSteps: nextSteps(
      isDefault ? '' : ` --view-service ${viewService}`,
      addresses.length > 1
        ? 'then kill the primary with kill -9 and its pid, and get again (status shows by VIEW which one it is)'
        : undefined,
    ),
  };
}

function survivalText(replicaCount: number): string {
  if (replicaCount === 1) return '1 replica and a view service: no failures are survived';
  return (
    `${replicaCount} replicas and a view service: one failure is survived, and the next as soon as there is a backup ` +
    'again; that of the view service is not'
  );
}

/** All replicas that run do their part, among them an acknowledged primary, and a backup if there could be one. */
function isReady(running: readonly EndpointStatus[], replicaCount: number): boolean {
  const reachable = running.filter((status) => status.reachable);
  const [newest] = reachable.toSorted((left, right) => viewNumberOf(right) - viewNumberOf(left));
  if (!newest?.view?.acknowledged || reachable.length < running.length) return false;
  const { primary, backup } = newest.view;
  const answers = (address: string | null) => reachable.some((status) => status.address === address);
  const doTheirPart = reachable.every(({ serving }) => serving);
  return doTheirPart && answers(primary) && (answers(backup) || replicaCount === 1);
}

const viewNumberOf = ({ view }: ReachableStatus): number => view?.viewNumber ?? 0;
