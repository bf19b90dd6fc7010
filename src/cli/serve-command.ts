import { setTimeout as sleep } from 'node:timers/promises';
import { isLoopback, parseAddress } from '../rpc/address.js';
import type { MemberOption } from '../server/members.js';
import { startReplica, type RunningReplica } from '../server/start-replica.js';
import { CommandFailure } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Engine, ReadPath } from './flags.js';
import type { ParentMessage } from './parent-message.js';
import { pinoLogger, type LogLevel } from './pino-logger.js';
import { startFailure, stopFailure } from './replica-failure.js';
import { replicaLine } from './replica-line.js';
import { whenAborted, type Terminal } from './terminal.js';

export interface ServeFlags {
  readonly id: number;
  readonly peers: readonly MemberOption[];
  readonly listen?: string;
  readonly clusterId?: string;
  readonly engine: Engine;
  readonly electionTimeout: number;
  readonly dataDir?: string;
  readonly inMemory?: boolean;
  readonly rebuild?: boolean;
  readonly logLimitSlots: number;
  readonly logLimitBytes: number;
  readonly reads: ReadPath;
  readonly logLevel: LogLevel;
}

/** How long closing may take; the whole command has 2 seconds after Ctrl-C. */
const closeLimitMs = 1500;

/** Runs one replica until it is told to stop or has to. @throws CommandFailure */
export async function serveCommand(flags: ServeFlags, terminal: Terminal): Promise<ExitCode> {
  const { parent } = terminal;
  const stopped = whenAborted(
    AbortSignal.any([terminal.interrupted, ...(parent === undefined ? [] : [parent.gone])]),
  );
  try {
    await runReplica(flags, terminal, stopped);
    return exitCodes.done;
  } catch (error) {
    if (parent === undefined || !(error instanceof CommandFailure)) throw error;
    // The parent prints it, in a line of its own words.
    await tell(terminal, { kind: 'failed', message: error.message });
    return error.exitCode;
  }
}

const tell = async ({ parent }: Terminal, message: ParentMessage): Promise<void> => parent?.tell(message);

/** Starts, waits and closes; a start that was called off leaves what a kill would leave. @throws CommandFailure */
async function runReplica(flags: ServeFlags, terminal: Terminal, stopped: Promise<void>): Promise<void> {
  let failed: (error: unknown) => void = () => undefined;
  const failure = new Promise<unknown>((resolve) => (failed = resolve));
  const starting = start(flags, failed).catch((error: unknown) => {
    throw startFailure(error);
  });
  const replica = await Promise.race([starting, stopped]);
  if (replica === undefined) return;
  announce(replica, flags, terminal);
  await tell(terminal, { kind: 'listening', address: replica.address });
  const ending = await Promise.race([stopped, failure.then(stopFailure)]);
  await Promise.race([replica.close(), sleep(closeLimitMs)]);
  if (ending !== undefined) throw terminal.parent === undefined ? introduced(flags.id, ending) : ending;
}

/** Where the state is kept; undefined in memory. */
const dataDirectoryOf = ({ id, dataDir, inMemory }: ServeFlags): string | undefined =>
  inMemory ? undefined : (dataDir ?? `data-${id}`);

function start(flags: ServeFlags, failed: (error: unknown) => void): Promise<RunningReplica> {
  const dataDirectory = dataDirectoryOf(flags);
  return startReplica({
    id: flags.id,
    peers: flags.peers,
    engine: flags.engine,
    electionTimeoutMs: flags.electionTimeout,
    ...(flags.listen === undefined ? {} : { listen: flags.listen }),
    ...(flags.clusterId === undefined ? {} : { clusterId: flags.clusterId }),
    ...(dataDirectory === undefined ? {} : { dataDirectory }),
    rebuild: flags.rebuild ?? false,
    logLimitSlots: flags.logLimitSlots,
    logLimitBytes: flags.logLimitBytes,
    reads: flags.reads,
    logger: pinoLogger(flags.logLevel, { replica: flags.id }),
    onFailure: failed,
  });
}

/** Says where it listens, and what a user has to know of it. `dev` says it once for all of its replicas. */
function announce(replica: RunningReplica, flags: ServeFlags, terminal: Terminal): void {
  if (!isLoopback(parseAddress(replica.address))) {
    terminal.note(
      `warning: ${replica.address} can be reached from other machines, and nothing is encrypted or ` +
        'authenticated yet',
    );
  }
  if (terminal.parent !== undefined) return;
  const dataDirectory = dataDirectoryOf(flags);
  terminal.note(
    dataDirectory === undefined
      ? `replica ${replica.id} keeps its state in memory: once stopped it must never return under its id`
      : `replica ${replica.id} keeps its state in ${dataDirectory}: with it, it may stop and return at any time; ` +
          'without it, it must never return under its id',
  );
  terminal.out(replicaLine(replica.id, process.pid, replica.address));
}

/** Says which replica stopped, where no parent does. */
const introduced = (id: number, { details }: CommandFailure): CommandFailure =>
  new CommandFailure({
    ...details,
    message: `replica ${id} stopped, because going on could do harm: ${details.message}`,
  });
