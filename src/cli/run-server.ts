import { setTimeout as sleep } from 'node:timers/promises';
import { isLoopback, parseAddress } from '../rpc/address.js';
import { CommandFailure } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { ParentMessage } from './parent-message.js';
import { startFailure, stopFailure } from './replica-failure.js';
import { whenAborted, type Terminal } from './terminal.js';

/** What a command runs until it is told to stop: a replica, a server or the view service. */
export interface ServerToRun {
  /** In the line on its end: `replica 1`. */
  readonly name: string;
  /** @param failed told when it has closed itself because going on could do harm */
  readonly start: (failed: (error: unknown) => void) => Promise<StartedServer>;
  /** What whoever runs it has to know; said once it listens. */
  readonly note: string;
  /** The line on standard output once it listens. */
  readonly line: (pid: number, address: string) => string;
}

export interface StartedServer {
  /** Where it listens. */
  readonly address: string;
  close(): Promise<void>;
}

/** How long closing may take; the whole command has 2 seconds after Ctrl-C. */
const closeLimitMs = 1500;

/** Runs one until it is told to stop or has to. @throws CommandFailure */
export async function runServer(server: ServerToRun, terminal: Terminal): Promise<ExitCode> {
  const { parent } = terminal;
  const stopped = whenAborted(
    AbortSignal.any([terminal.interrupted, ...(parent === undefined ? [] : [parent.gone])]),
  );
  try {
    await runUntil(stopped, server, terminal);
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
async function runUntil(stopped: Promise<void>, server: ServerToRun, terminal: Terminal): Promise<void> {
  let failed: (error: unknown) => void = () => undefined;
  const failure = new Promise<unknown>((resolve) => (failed = resolve));
  const starting = server.start(failed).catch((error: unknown) => {
    throw startFailure(error);
  });
  const started = await Promise.race([starting, stopped]);
  if (started === undefined) return;
  announce(started, server, terminal);
  await tell(terminal, { kind: 'listening', address: started.address });
  const ending = await Promise.race([stopped, failure.then(stopFailure)]);
  await Promise.race([started.close(), sleep(closeLimitMs)]);
  if (ending !== undefined) {
    throw terminal.parent === undefined ? introduced(server.name, ending) : ending;
  }
}

/** Says where it listens, and what a user has to know of it. `dev` says it once for all of its processes. */
function announce({ address }: StartedServer, { note, line }: ServerToRun, terminal: Terminal): void {
  if (!isLoopback(parseAddress(address))) {
    terminal.note(
      `warning: ${address} can be reached from other machines, and nothing is encrypted or authenticated yet`,
    );
  }
  if (terminal.parent !== undefined) return;
  terminal.note(note);
  terminal.out(line(process.pid, address));
}

/** Says who stopped, where no parent does. */
const introduced = (name: string, { details }: CommandFailure): CommandFailure =>
  new CommandFailure({
    ...details,
    message: `${name} stopped, because going on could do harm: ${details.message}`,
  });
