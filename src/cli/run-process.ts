import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import type { ExitCode } from './exit-codes.js';
import { failureOf } from './failure-of.js';
import { processTerminal } from './process-terminal.js';
import { report } from './run.js';
import type { Terminal } from './terminal.js';

/** Runs one command line as this very process, and ends it. @param run answers the exit code, and never rejects */
export async function runProcess(
  run: (commandLine: readonly string[], terminal: Terminal) => Promise<ExitCode>,
): Promise<void> {
  const commandLine = process.argv.slice(2);
  const terminal = processTerminal();
  // What gRPC would print of its own accord is said by the commands, in their words.
  if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
  const fail = (error: unknown): void => exit(report(failureOf(error), commandLine, terminal));
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  exit(await run(commandLine, terminal));
}

/** Ends the process once what was printed has left it. */
const exit = (exitCode: ExitCode): void => {
  process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
};
