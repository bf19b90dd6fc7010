import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readParentMessage } from './parent-message.js';
import type { Death, ProcessRun } from './supervised-process.js';

const commandPath = fileURLToPath(new URL('main.js', import.meta.url));

/** A replica or a view service in a process of its own, which stops by itself when this process goes away. */
export class ServerProcess implements ProcessRun {
  readonly listening: Promise<boolean>;
  readonly ended: Promise<Death>;
  #reason: string | undefined;
  readonly #child: ChildProcess;

  /** @param commandLine that of `serve` or `viewd`, the command's name included */
  constructor(commandLine: readonly string[]) {
    // Nobody reads its standard output; its logs go where ours go. Detached, or Ctrl-C would reach it as well, and
    // its end could come before we know of the Ctrl-C.
    this.#child = spawn(process.execPath, [commandPath, ...commandLine], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.ended = this.#whenEnded();
    this.listening = this.#whenListening();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  #whenEnded(): Promise<Death> {
    return new Promise((resolve) => {
      const end = (how: string, exitCode?: number) => resolve({ how, exitCode, reason: this.#reason });
      // Not `exit`, which may come before the last message has been read.
      this.#child.once('close', (code, signal) => {
        if (signal === null) end(`exited with code ${code ?? 'unknown'}`, code ?? undefined);
        else end(`killed by ${signal}`);
      });
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) end(`could not be started: ${error.message}`);
      });
    });
  }

  #whenListening(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#child.on('message', (value) => {
        const message = readParentMessage(value);
        if (message?.kind === 'listening') resolve(true);
        if (message?.kind === 'failed') this.#reason = message.message;
      });
      void this.ended.then(() => resolve(false));
    });
  }
}
