import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CommandFailure } from './command-failure.js';
import { exitCodes } from './exit-codes.js';
import { readParentMessage } from './parent-message.js';

const commandPath = fileURLToPath(new URL('main.js', import.meta.url));

/** A replica in a process of its own, which stops by itself when this process goes away. */
export class ReplicaProcess {
  /** Rejects with CommandFailure if it ends without having listened. */
  readonly listening: Promise<void>;
  /** How it ended, once it has: `killed by SIGKILL` or `exited with code 70`. */
  readonly ended: Promise<string>;
  #running = true;
  readonly #child: ChildProcess;

  /** @param serveArguments the command line of `serve`, its name included */
  constructor(
    readonly id: number,
    readonly address: string,
    serveArguments: readonly string[],
  ) {
    // Nobody reads its standard output; its logs go where ours go. Detached, or Ctrl-C would reach it as well, and
    // its end could come before we know of the Ctrl-C.
    this.#child = spawn(process.execPath, [commandPath, ...serveArguments], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.ended = this.#whenEnded();
    this.listening = this.#whenListening();
  }

  get running(): boolean {
    return this.#running;
  }

  /** 0 if it could not even be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#running) this.#child.kill(signal);
  }

  #whenEnded(): Promise<string> {
    return new Promise((resolve) => {
      const end = (how: string) => {
        this.#running = false;
        resolve(how);
      };
      // Not `exit`, which may come before the last message has been read.
      this.#child.once('close', (code, signal) => {
        end(signal === null ? `exited with code ${code ?? 'unknown'}` : `killed by ${signal}`);
      });
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) end(`could not be started: ${error.message}`);
      });
    });
  }

  #whenListening(): Promise<void> {
    let told: string | undefined;
    return new Promise((resolve, reject) => {
      this.#child.on('message', (value) => {
        const message = readParentMessage(value);
        if (message?.kind === 'listening') resolve();
        if (message?.kind === 'failed') told = message.message;
      });
      void this.ended.then((how) => {
        const cannotListen = this.#child.exitCode === exitCodes.cannotListen;
        reject(
          new CommandFailure({
            kind: cannotListen ? 'cannot-listen' : 'internal',
            message: `replica ${this.id} did not start: ${told ?? how}${cannotListen ? '; choose other ports with --port' : ''}`,
          }),
        );
      });
    });
  }
}
