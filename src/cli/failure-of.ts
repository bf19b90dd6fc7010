import { CommanderError } from 'commander';
import { CommandFailure } from './command-failure.js';

/** Anything thrown, as a failure of the command. */
export function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof CommanderError) {
    return new CommandFailure({ kind: 'usage', message: oneLine(error.message).replace(/^error: /, '') });
  }
  return new CommandFailure({ kind: 'internal', message: `internal error: ${placedText(error)}` });
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ').trim();

/** The message of an error and the place it comes from, on one line. */
function placedText(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error));
  const place = /^\s*at (.*)$/m.exec(error.stack ?? '')?.[1];
  return oneLine(`${error.message}${place === undefined ? '' : ` (at ${place})`}`);
}
