import { resolve } from 'node:path';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { run } from './run.js';
import type { Terminal } from './terminal.js';

/** A program that is short for a command line of `synod`; seed 003 names three. */
export interface ShortForm {
  /** The program and what it takes: `pbc VIEW KEY [VALUE]`. */
  readonly usage: string;
  readonly description: string;
  readonly example: string;
  /** So many arguments, from the first, are addresses. */
  readonly addressCount: number;
  /** The command line of `synod`, or undefined if the arguments are too many or too few. */
  readonly translate: (commandLine: readonly string[]) => readonly string[] | undefined;
}

/** Runs a program on the arguments it was given. Never rejects. */
export async function runShortForm(
  { usage, description, example, addressCount, translate }: ShortForm,
  commandLine: readonly string[],
  terminal: Terminal,
): Promise<ExitCode> {
  const [first] = commandLine;
  if (first === '--help' || first === '-h') {
    terminal.out(`Usage: ${usage}\n\n${description}\n\nExample:\n  $ ${example}\n`);
    return exitCodes.done;
  }
  const hasFlag = commandLine.slice(0, addressCount).some((argument) => argument.startsWith('-'));
  const translated = hasFlag ? undefined : translate(commandLine);
  if (translated === undefined) {
    terminal.note(`usage: ${usage}`);
    return exitCodes.usage;
  }
  return run(translated, terminal);
}

/**
 * The address that a text means: `HOST:PORT`, `[V6]:PORT` and `unix:/PATH` are those, and anything else is the path of a
 * socket. Nothing, and what ends like a port, is taken for an address, so that it is told what is wrong with it.
 */
export function addressOf(text: string): string {
  const isAddress = text === '' || text.startsWith('unix:') || (!text.includes('/') && /:\d+$/.test(text));
  return isAddress ? text : `unix:${resolve(text)}`;
}
