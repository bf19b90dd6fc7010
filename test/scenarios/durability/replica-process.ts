import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ReplicaSettings } from './replica-settings.js';

const mainPath = fileURLToPath(new URL('./replica-main.js', import.meta.url));

/** How a process ended: its exit code, or the signal that ended it. */
export type Ending = number | NodeJS.Signals;

const running = new Set<ReplicaProcess>();

// A stopped process would outlive this one.
process.on('exit', () => {
  for (const replica of running) replica.signal('SIGKILL');
});

/** One replica in a process of its own. What it prints is added to a file. */
export class ReplicaProcess {
  readonly ended: Promise<Ending>;
  /** Undefined while it runs. */
  ending: Ending | undefined;
  readonly #child: ChildProcess;

  constructor(
    readonly settings: ReplicaSettings,
    readonly logPath: string,
  ) {
    const log = openSync(logPath, 'a');
    this.#child = spawn(process.execPath, [mainPath, JSON.stringify(settings)], {
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    this.#child.stdin?.on('error', () => undefined);
    running.add(this);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        running.delete(this);
        const ending = code ?? signal;
        if (ending === null) throw new Error('a process ended without a code and without a signal');
        this.ending = ending;
        resolve(ending);
      });
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`replica ${this.settings.id} could not be started`);
    return pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.ended;
  }

  /** The last line that it has printed. */
  lastWords(): string {
    return readFileSync(this.logPath, 'utf8').trimEnd().split('\n').at(-1) ?? '';
  }
}
