import { randomBytes } from 'node:crypto';
import { CommandFailure } from './command-failure.js';
import { DevCluster } from './dev-cluster.js';
import { openDevData, type DevData } from './dev-data.js';
import type { DevPlan } from './dev-plan.js';
import { deathLine, viewServiceDeathLine } from './dev-text.js';
import { viewPlan } from './dev-view-plan.js';
import { votingPlan } from './dev-voting-plan.js';
import { checkEngineFlags, type GivenFlags } from './engine-flags.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { loopbackAddresses, type AnyEngine, type Engine } from './flags.js';
import type { LogLevel } from './log-level.js';
import { readyLine, replicaLine, viewServiceLine } from './replica-line.js';
import { whenAborted, type Terminal } from './terminal.js';

export interface DevFlags {
  readonly replicas: number;
  readonly engine: AnyEngine;
  readonly electionTimeout: number;
  readonly pingInterval: number;
  readonly deadPings: number;
  readonly port: number;
  readonly dataDir: string;
  readonly inMemory?: boolean;
  readonly rebuild?: number;
  readonly logLevel: LogLevel;
}

/**
 * Runs a cluster on this machine until Ctrl-C, or until none of its replicas is left.
 * @param given what was on the command line: no engine takes all flags
 * @throws CommandFailure
 */
export async function devCommand(flags: DevFlags, given: GivenFlags, terminal: Terminal): Promise<ExitCode> {
  const { engine } = flags;
  checkEngineFlags(engine, given);
  const addresses = replicaAddresses(flags);
  return engine === 'primary-backup'
    ? runCluster(viewPlan({ ...flags, addresses }), terminal)
    : runVotingCluster({ ...flags, engine }, addresses, terminal);
}

async function runVotingCluster(
  flags: DevFlags & { readonly engine: Engine },
  addresses: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const { rebuild, replicas } = flags;
  if (rebuild !== undefined && rebuild > replicas) {
    throw new CommandFailure({
      kind: 'usage',
      message: `there is no replica ${rebuild} to rebuild; the last is ${replicas}`,
    });
  }
  const dataDirectory = flags.inMemory ? undefined : flags.dataDir;
  const data =
    dataDirectory === undefined ? inMemory() : await openDevData(dataDirectory, flags, drawClusterId);
  try {
    const { clusterId } = data;
    return await runCluster(votingPlan({ ...flags, addresses, clusterId, dataDirectory, rebuild }), terminal);
  } finally {
    await data.close();
  }
}

const drawClusterId = (): string => randomBytes(16).toString('hex');
const inMemory = (): DevData => ({ clusterId: drawClusterId(), close: () => Promise.resolve() });

/** Runs a cluster until Ctrl-C, or until none of its replicas is left. @throws CommandFailure */
async function runCluster(plan: DevPlan, terminal: Terminal): Promise<ExitCode> {
  terminal.note(plan.introduction);
  let announced = false;
  const cluster: DevCluster = new DevCluster({
    plan,
    died: ({ process }, death, sequel) => terminal.note(deathLine(process, death, sequel, cluster)),
    returned: ({ id, process: { name, pid, address } }) => {
      terminal.note(`${name} (pid ${pid}) runs again`);
      if (announced) terminal.out(replicaLine(id, pid, address));
    },
    viewServiceDied: (process, death) => terminal.note(viewServiceDeathLine(process, death)),
  });
  try {
    return await Promise.race([
      whenAborted(terminal.interrupted).then(() => exitCodes.done),
      attend(cluster, plan, terminal, () => (announced = true)),
    ]);
  } finally {
    await cluster.stop();
  }
}

/** The addresses of a cluster on this machine. @throws CommandFailure if the ports go past the last one */
export function replicaAddresses({ port, replicas }: Pick<DevFlags, 'port' | 'replicas'>): string[] {
  if (port + replicas - 1 <= 65_535) return loopbackAddresses(port, replicas);
  throw new CommandFailure({
    kind: 'usage',
    message: `${replicas} replicas from port ${port} need ports up to ${port + replicas - 1}; the last is 65535`,
  });
}

/** Tells how the cluster comes up, and ends by an error when it is gone. @throws CommandFailure */
async function attend(
  cluster: DevCluster,
  plan: DevPlan,
  terminal: Terminal,
  announce: () => void,
): Promise<never> {
  await cluster.start();
  announce();
  if (cluster.viewService?.running) {
    terminal.out(viewServiceLine(cluster.viewService.pid, cluster.viewService.address));
  }
  for (const { id, process } of cluster.replicas) {
    if (process.running) terminal.out(replicaLine(id, process.pid, process.address));
  }
  const gone = new AbortController();
  const allGone = cluster.gone().then(() => gone.abort());
  if (await cluster.ready(AbortSignal.any([gone.signal, terminal.interrupted]))) {
    terminal.out(readyLine(plan.addresses));
    terminal.note(plan.nextSteps);
  }
  await allGone;
  throw new CommandFailure({ kind: 'internal', message: 'no replica is left' });
}
