import { CommanderError } from 'commander';
import type { CommandFailure, FailureDetails } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { failureOf } from './failure-of.js';
import { synodProgram } from './program.js';
import type { Terminal } from './terminal.js';

/**
 * Runs one command line to its end and answers the exit code. Never rejects: whatever goes wrong is one line on
 * standard error, or with `--json` one object on standard output.
 */
export async function run(commandLine: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done;
  const program = synodProgram(terminal, (code) => (exitCode = code));
  try {
    await program.parseAsync(commandLine, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version have been printed, as was asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    // No command at all: the help that was printed says what there is.
    if (error instanceof CommanderError && error.code === 'commander.help') return exitCodes.usage;
    return report(failureOf(error), commandLine, terminal);
  }
}

/** Prints a failure and answers its exit code. */
export function report(
  { details, exitCode }: CommandFailure,
  commandLine: readonly string[],
  terminal: Terminal,
): ExitCode {
  if (asksForJson(commandLine)) terminal.out(`${JSON.stringify({ error: jsonOf(details) })}\n`);
  else terminal.note(`synod: ${details.message}`);
  return exitCode;
}

/** Looked for by hand: a command line that does not parse has a way it wants its error as well. */
function asksForJson(commandLine: readonly string[]): boolean {
  const end = commandLine.indexOf('--');
  return commandLine.slice(0, end < 0 ? undefined : end).includes('--json');
}

const jsonOf = ({ endpoints, ...rest }: FailureDetails) => ({
  ...rest,
  ...(endpoints === undefined ? {} : { endpoints }),
});
