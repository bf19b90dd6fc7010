import { setTimeout as sleep } from 'node:timers/promises';
import { isLoopback, parseAddress } from '../rpc/address.js';
import { ListenError } from '../rpc/server.js';
import { OptionsError, type MemberOption } from '../server/members.js';
import { startReplica, type RunningReplica } from '../server/start-replica.js';
import { CommandFailure } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { failureOf } from './failure-of.js';
import type { Engine } from './flags.js';
import type { ParentMessage } from './parent-message.js';
import { pinoLogger, type LogLevel } from './pino-logger.js';
import { replicaLine } from './replica-line.js';
import { whenAborted, type Terminal } from './terminal.js';

export interface ServeFlags {
  readonly id: number;
  readonly peers: readonly MemberOption[];
  readonly listen?: string;
  readonly clusterId?: string;
  readonly engine: Engine;
  readonly logLevel: LogLevel;
}

/** How long closing may take; the whole command has 2 seconds after Ctrl-C. */
const closeLimitMs = 1500;

/** Runs one replica until it is told to stop or has to. @throws CommandFailure */
export async function serveCommand(flags: ServeFlags, terminal: Terminal): Promise<ExitCode> {
  const { parent } = terminal;
  const tell = async (message: ParentMessage) => parent?.tell(message);
  let failed: (error: unknown) => void = () => undefined;
  const failure = new Promise<unknown>((resolve) => (failed = resolve));
  let replica: RunningReplica;
  try {
    replica = await start(flags, failed);
  } catch (error) {
    const problem = failureOf(startFailure(error));
    if (parent === undefined) throw problem;
    // The parent prints it: one line for all the replicas that met the same.
    await tell({ kind: 'failed', message: problem.message });
    return problem.exitCode;
  }
  announce(replica, terminal);
  await tell({ kind: 'listening', address: replica.address });
  const stops = [terminal.interrupted, ...(parent === undefined ? [] : [parent.gone])];
  const ending = await Promise.race([
    whenAborted(AbortSignal.any(stops)),
    failure.then((cause) => new CommandFailure({ kind: 'internal', message: stopText(flags.id, cause) })),
  ]);
  await Promise.race([replica.close(), sleep(closeLimitMs)]);
  if (ending !== undefined) throw ending;
  return exitCodes.done;
}

const start = (flags: ServeFlags, failed: (error: unknown) => void): Promise<RunningReplica> =>
  startReplica({
    id: flags.id,
    peers: flags.peers,
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...(flags.clusterId === undefined ? {} : { clusterId: flags.clusterId }),
    logger: pinoLogger(flags.logLevel, { replica: flags.id }),
    onFailure: failed,
  });

/** Says where it listens, and what a user has to know of it. `dev` says it once for all of its replicas. */
function announce(replica: RunningReplica, terminal: Terminal): void {
  if (!isLoopback(parseAddress(replica.address))) {
    terminal.note(
      `warning: ${replica.address} can be reached from other machines, and nothing is encrypted or ` +
        'authenticated yet',
    );
  }
  if (terminal.parent !== undefined) return;
  terminal.note(
    `replica ${replica.id} keeps its state in memory: once stopped it must never return under its id`,
  );
  terminal.out(replicaLine(replica.id, process.pid, replica.address));
}

const stopText = (id: number, cause: unknown): string =>
  `replica ${id} stopped, because going on could do harm: ${cause instanceof Error ? cause.message : String(cause)}`;

function startFailure(error: unknown): unknown {
  if (error instanceof OptionsError) return new CommandFailure({ kind: 'usage', message: error.message });
  if (error instanceof ListenError) {
    return new CommandFailure({ kind: 'cannot-listen', message: listenText(error) });
  }
  return error;
}

function listenText({ address, message }: ListenError): string {
  if (message.includes('EADDRINUSE')) return `cannot listen on ${address}: the address is in use`;
  if (message.includes('EADDRNOTAVAIL')) return `cannot listen on ${address}: it is not of this machine`;
  if (message.includes('EACCES')) return `cannot listen on ${address}: permission denied`;
  return message.replaceAll(/\s+/g, ' ');
}
