import { OptionsError, type MemberOption } from '../server/members.js';
import { startPrimaryBackup } from '../server/start-primary-backup.js';
import { startReplica } from '../server/start-replica.js';
import { checkEngineFlags, required, type GivenFlags } from './engine-flags.js';
import type { ExitCode } from './exit-codes.js';
import type { AnyEngine, Engine, ReadPath } from './flags.js';
import type { LogLevel } from './log-level.js';
import { pinoLogger } from './pino-logger.js';
import { replicaLine, serverLine } from './replica-line.js';
import { runServer, type ServerToRun, type StartedServer } from './run-server.js';
import type { Terminal } from './terminal.js';

export interface ServeFlags {
  /** Required by engines whose replicas vote, as are peers. */
  readonly id?: number;
  readonly peers?: readonly MemberOption[];
  readonly viewService: string;
  readonly address: string;
  readonly pingInterval: number;
  readonly listen?: string;
  readonly clusterId?: string;
  readonly engine: AnyEngine;
  readonly electionTimeout: number;
  readonly dataDir?: string;
  readonly inMemory?: boolean;
  readonly rebuild?: boolean;
  readonly logLimitSlots: number;
  readonly logLimitBytes: number;
  readonly reads: ReadPath;
  readonly logLevel: LogLevel;
}

/**
 * Runs one replica until it is told to stop or has to.
 * @param given what was on the command line: no engine takes all flags
 * @throws CommandFailure
 */
export async function serveCommand(
  flags: ServeFlags,
  given: GivenFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { engine } = flags;
  checkEngineFlags(engine, given);
  return runServer(
    engine === 'primary-backup' ? primaryBackupServer(flags) : votingReplica(flags, engine),
    terminal,
  );
}

/** @throws CommandFailure without id or peers */
function votingReplica(flags: ServeFlags, engine: Engine): ServerToRun {
  const id = required(flags.id, '--id <id>');
  const peers = required(flags.peers, '--peers <list>');
  const dataDirectory = flags.inMemory ? undefined : (flags.dataDir ?? `data-${id}`);
  return {
    name: `replica ${id}`,
    start: (failed) =>
      startReplica({
        id,
        peers,
        engine,
        electionTimeoutMs: flags.electionTimeout,
        ...(flags.listen === undefined ? {} : { listen: flags.listen }),
        ...(flags.clusterId === undefined ? {} : { clusterId: flags.clusterId }),
        ...(dataDirectory === undefined ? {} : { dataDirectory }),
        rebuild: flags.rebuild ?? false,
        logLimitSlots: flags.logLimitSlots,
        logLimitBytes: flags.logLimitBytes,
        reads: flags.reads,
        logger: pinoLogger(flags.logLevel, { replica: id }),
        onFailure: failed,
      }),
    note:
      dataDirectory === undefined
        ? `replica ${id} keeps its state in memory: once stopped it must never return under its id`
        : `replica ${id} keeps its state in ${dataDirectory}: with it, it may stop and return at any time; ` +
          'without it, it must never return under its id',
    line: (pid, address) => replicaLine(id, pid, address),
  };
}

function primaryBackupServer(flags: ServeFlags): ServerToRun {
  const { id, address } = flags;
  const name = id === undefined ? `server ${address}` : `replica ${id}`;
  return {
    name,
    start: (failed) => startServer(flags, failed),
    note:
      `${name} keeps everything in memory, and no data directory is read or written: it may stop and return at any ` +
      'time, but it returns empty',
    line: (pid, listening) =>
      id === undefined ? serverLine(pid, listening) : replicaLine(id, pid, listening),
  };
}

async function startServer(flags: ServeFlags, failed: (error: unknown) => void): Promise<StartedServer> {
  const { id, address, viewService, listen, pingInterval: pingIntervalMs, logLevel } = flags;
  if (address === viewService) {
    throw new OptionsError(
      `the server and the view service cannot both be at ${address}; give them different addresses with --address and --view-service`,
    );
  }
  try {
    return await startPrimaryBackup({
      address,
      viewService,
      pingIntervalMs,
      ...(listen === undefined ? {} : { listen }),
      ...(id === undefined ? {} : { id }),
      logger: pinoLogger(logLevel, id === undefined ? { server: address } : { replica: id }),
      onFailure: failed,
    });
  } catch (error) {
    throw error instanceof RangeError ? new OptionsError(error.message) : error;
  }
}
