import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../support/until.js';

/** The command's file. */
export const commandPath = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

/** How a command ended. */
export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly how: number | NodeJS.Signals;
  readonly stdout: string;
  readonly stderr: string;
}

const started = new Set<RunningCommand>();

/** The real command in a process of its own, with what it has printed so far. */
export class RunningCommand {
  readonly ended: Promise<Ended>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  /** @param directory the working directory, if not that of the tests */
  constructor(
    commandLine: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    directory?: string,
  ) {
    this.#child = spawn(process.execPath, [commandPath, ...commandLine], {
      cwd: directory,
      // A process group of its own, as a shell gives it.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...environment },
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#child.stdin?.on('error', () => undefined);
    started.add(this);
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        started.delete(this);
        const how = code ?? signal;
        if (how === null) throw new Error('a process ended without a code and without a signal');
        resolve({ how, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What a terminal does at Ctrl-C: every process of the group gets the signal. */
  pressCtrlC(): void {
    process.kill(-this.pid, 'SIGINT');
  }

  input(text: string | Buffer): void {
    this.#child.stdin?.end(text);
  }

  /** Resolves when `pattern` has been printed on a stream. */
  async printed(stream: 'stdout' | 'stderr', pattern: RegExp, limitMs = 15_000): Promise<RegExpExecArray> {
    return until(`${stream} has ${pattern}`, limitMs, () => {
      const match = pattern.exec(this[stream]);
      if (match === null && this.#child.exitCode !== null) throw new Error(`it ended: ${this.stderr}`);
      return match ?? undefined;
    });
  }
}

/** Runs a command to its end. */
export async function runCommand(
  commandLine: readonly string[],
  {
    input = '',
    environment = {},
  }: { input?: string | Buffer; environment?: Readonly<Record<string, string>> } = {},
): Promise<Ended> {
  const command = new RunningCommand(commandLine, environment);
  command.input(input);
  return command.ended;
}

/** Kills what a test left running; for `afterEach`. Replicas of a killed `dev` end by themselves. */
export async function endCommands(): Promise<void> {
  const commands = [...started];
  for (const command of commands) command.kill('SIGKILL');
  await Promise.all(commands.map(({ ended }) => ended));
}
