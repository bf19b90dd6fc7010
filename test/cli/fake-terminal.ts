import { exitCodes, type ExitCode } from '../../src/cli/exit-codes.js';
import { run } from '../../src/cli/run.js';
import type { Terminal } from '../../src/cli/terminal.js';

/** A terminal that keeps what is printed. */
export class FakeTerminal implements Terminal {
  stdout = '';
  stderr = '';
  /** What was shown of progress, each in its turn. */
  readonly shown: string[] = [];
  watched = true;
  readonly parent = undefined;
  readonly #interruption = new AbortController();

  constructor(private readonly input: string | Uint8Array = '') {}

  get interrupted(): AbortSignal {
    return this.#interruption.signal;
  }

  out(text: string): void {
    this.stdout += text;
  }

  note(line: string): void {
    this.stderr += `${line}\n`;
  }

  progress(text: string): void {
    this.shown.push(text);
  }

  readInput(): Promise<Uint8Array> {
    return Promise.resolve(Buffer.from(this.input));
  }

  interrupt(): void {
    this.#interruption.abort();
  }
}

export interface Ran {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function ran(commandLine: readonly string[], terminal = new FakeTerminal()): Promise<Ran> {
  const exitCode = await run(commandLine, terminal);
  return { exitCode, stdout: terminal.stdout, stderr: terminal.stderr };
}

export const nothingPrinted: Ran = { exitCode: exitCodes.done, stdout: '', stderr: '' };
