import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { seedReply, type SeedReply, type SeedRequest, type SeedRunner } from './sim-request.js';

const workerPath = fileURLToPath(new URL('sim-worker.js', import.meta.url));

/** Errors are made very often in a simulated world, and each takes its stack: short ones are enough to find the place. */
const workerFlags = ['--stack-trace-limit=4'];
/** Longer than any seed takes, on any machine. */
const seedLimitMs = 600_000;
const stderrLimit = 8192;

/** What the check of a seed is called whose process died. */
export const processLives = 'the process lives';

export interface SeedProcessOptions {
  /** Whether what the worker prints, traces, is printed. */
  readonly printsTrace: boolean;
  /** The file that a worker runs; default: the one that simulates. */
  readonly path?: string;
}

/** Simulates seeds in a process of its own, so that what dies of one is not the command. A new one follows one that died. */
export class SeedProcess implements SeedRunner {
  readonly #options: SeedProcessOptions;
  #worker: ChildProcess | undefined;
  #stderr = '';
  #isClosed = false;

  constructor(options: SeedProcessOptions) {
    this.#options = options;
  }

  async run(request: SeedRequest, limitMs = seedLimitMs): Promise<SeedReply | undefined> {
    if (this.#isClosed) return undefined;
    const reply = await this.#ask((this.#worker ??= this.#start()), request, limitMs);
    if (this.#isEnding()) return undefined;
    if (typeof reply !== 'string') return reply;
    this.#worker = undefined;
    return deathReply(request, reply, this.#stderr);
  }

  close(): void {
    this.#isClosed = true;
    // Nothing is lost: what it has not answered will be asked again.
    this.#worker?.kill('SIGKILL');
  }

  #isEnding(): boolean {
    return this.#isClosed;
  }

  #start(): ChildProcess {
    const { path = workerPath, printsTrace } = this.#options;
    // Detached, or Ctrl-C would reach it as well and count as a death.
    const worker = fork(path, {
      detached: true,
      execArgv: workerFlags,
      stdio: ['ignore', printsTrace ? 'inherit' : 'ignore', 'pipe', 'ipc'],
    });
    this.#stderr = '';
    worker.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrLimit);
    });
    return worker;
  }

  /** The answer, or how the process ended before it. */
  #ask(worker: ChildProcess, request: SeedRequest, limitMs: number): Promise<SeedReply | string> {
    return new Promise((resolve) => {
      let end = (how: string): string => how;
      const limit = setTimeout(() => {
        end = () => `had no verdict after ${limitMs / 1000} s of real time`;
        worker.kill('SIGKILL');
      }, limitMs);
      const settle = (reply: SeedReply | string) => {
        clearTimeout(limit);
        worker.off('message', answered).off('close', closed).off('error', failed);
        resolve(reply);
      };
      const answered = (message: unknown) => settle(seedReply.parse(message));
      const closed = (code: number | null, signal: string | null) =>
        settle(end(signal === null ? `exited with code ${code ?? 'unknown'}` : `was killed by ${signal}`));
      const failed = (error: Error) => {
        if (worker.pid === undefined) settle(`could not be started: ${error.message}`);
      };
      worker.on('message', answered).on('close', closed).on('error', failed);
      // A worker that is dying already says so by its end.
      worker.send(request, () => undefined);
    });
  }
}

/** The outcome of a seed whose process died. */
function deathReply({ engine, seed }: SeedRequest, how: string, stderr: string): SeedReply {
  const reason = /^\s*(?:Uncaught )?(\S*Error\b.*)$/m.exec(stderr)?.[1];
  const message = `the process ${how}${reason === undefined ? '' : `: ${reason}`}`;
  return {
    result: {
      engine,
      seed,
      verdict: { kind: 'failed', check: processLives, message, atMs: 0 },
      traceHash: '',
      steps: 0,
      simulatedMs: 0,
      tally: {},
      clients: 0,
      faultsDrawn: 0,
    },
    violation: null,
    stderr,
  };
}
