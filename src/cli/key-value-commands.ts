import { Clerk, type ClerkTarget } from '../clerk/connect.js';
import { ClerkError } from '../clerk/clerk-error.js';
import type { CallLimits } from '../clerk/attempts.js';
import { receiveLimitBytes } from '../rpc/message-limits.js';
import { clerkFailure } from './clerk-failure.js';
import { CommandFailure } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { LogLevel } from './log-level.js';
import { pinoLogger } from './pino-logger.js';
import { whenAborted, type Terminal } from './terminal.js';

/** The flags of every command that asks the store. */
export interface ClientFlags {
  readonly endpoints: readonly string[];
  /** The address of the view service that names the primary, in place of endpoints. */
  readonly viewService?: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}

export interface GetFlags extends ClientFlags {
  readonly raw?: boolean;
}

export const printJson = (terminal: Terminal, value: unknown): void =>
  terminal.out(`${JSON.stringify(value)}\n`);

/** Prints the value of a key. @throws CommandFailure */
export async function getCommand(key: string, flags: GetFlags, terminal: Terminal): Promise<ExitCode> {
  const value = await call('get', flags, terminal, (clerk, limits) => clerk.find(key, limits));
  if (value === undefined) {
    if (flags.json) printJson(terminal, { found: false });
    else terminal.note('there is no such key');
    return exitCodes.keyMissing;
  }
  if (flags.json) printJson(terminal, { found: true, value });
  else terminal.out(flags.raw ? value : `${value}\n`);
  return exitCodes.done;
}

/** Stores a value or adds to one; prints nothing. @throws CommandFailure */
export async function writeCommand(
  command: 'put' | 'append',
  key: string,
  value: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const text = await valueOf(value, terminal);
  await call(command, flags, terminal, (clerk, limits) => clerk[command](key, text, limits));
  if (flags.json) printJson(terminal, {});
  return exitCodes.done;
}

/** Stores a hash over the previous and the new value, and prints the previous one. @throws CommandFailure */
export async function putHashCommand(
  key: string,
  value: string,
  flags: ClientFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const text = await valueOf(value, terminal);
  const previousValue = await call('puthash', flags, terminal, (clerk, limits) =>
    clerk.putHash(key, text, limits),
  );
  if (flags.json) printJson(terminal, { previousValue });
  else terminal.out(`${previousValue}\n`);
  return exitCodes.done;
}

type Command = 'get' | 'put' | 'append' | 'puthash';

/** Makes one call with a clerk of its own. @throws CommandFailure */
async function call<Value>(
  command: Command,
  { endpoints, viewService, timeout: timeoutMs, logLevel }: ClientFlags,
  terminal: Terminal,
  make: (clerk: Clerk, limits: CallLimits) => Promise<Value>,
): Promise<Value> {
  const logger = pinoLogger(logLevel, { command });
  const target: ClerkTarget = viewService === undefined ? { endpoints } : { viewService };
  const clerk = new Clerk(target);
  const startedAtMs = performance.now();
  logger.debug('asking', { ...target, timeoutMs });
  try {
    return await make(clerk, { timeoutMs, signal: terminal.interrupted });
  } catch (error) {
    if (!(error instanceof ClerkError)) throw error;
    throw clerkFailure(error, { command, writes: command !== 'get', target, timeoutMs });
  } finally {
    logger.debug('ended', { milliseconds: Math.round(performance.now() - startedAtMs) });
    await clerk.close();
  }
}

/** The value as it was given, or standard input for `-`. @throws CommandFailure */
async function valueOf(argument: string, terminal: Terminal): Promise<string> {
  if (argument !== '-') return argument;
  const interrupted = whenAborted(terminal.interrupted).then(() => {
    throw new CommandFailure({
      kind: 'interrupted',
      message: 'interrupted; nothing was written',
      outcome: 'not-executed',
    });
  });
  const bytes = await Promise.race([readInput(terminal), interrupted]);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidInput('the value on standard input is not valid UTF-8');
  }
}

/** No value that is longer than a message could be stored; the store says what the limit of a value is. */
async function readInput(terminal: Terminal): Promise<Uint8Array> {
  try {
    return await terminal.readInput(receiveLimitBytes);
  } catch (error) {
    throw error instanceof RangeError ? invalidInput(error.message) : error;
  }
}

const invalidInput = (message: string): CommandFailure =>
  new CommandFailure({ kind: 'invalid', message, outcome: 'not-executed' });
