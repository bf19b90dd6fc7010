import type { Clock } from '../runtime/clock.js';
import { exitCodes } from './exit-codes.js';
import { judgeDeath, noDeaths, type DeathRecord } from './restart-policy.js';

/** How a process ended. */
export interface Death {
  /** `killed by SIGKILL` or `exited with code 70`. */
  readonly how: string;
  /** Undefined if a signal ended it. */
  readonly exitCode: number | undefined;
  /** What the process said of it, on one line. */
  readonly reason: string | undefined;
}

/** One run of a process. */
export interface ProcessRun {
  /** 0 if it could not even be started. */
  readonly pid: number;
  /** Whether it came to listen, once it has or once it has ended. */
  readonly listening: Promise<boolean>;
  readonly ended: Promise<Death>;
  /** Does nothing once it has ended. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** What follows a death: a restart, or why there is none. */
export type Sequel =
  | { readonly kind: 'restart'; readonly afterMs: number }
  /** What it promised or said lived in memory, and others count on it (rules R1 and R16). */
  | { readonly kind: 'forgot' }
  /** Its exit code says that starting again does not help. */
  | { readonly kind: 'final' }
  /** It died too often, too soon after its starts. */
  | { readonly kind: 'given-up' };

export interface SupervisionOptions {
  /** In the lines about it: `replica 1`. */
  readonly name: string;
  readonly address: string;
  /** Whether it may run again once it has died (rules R1 and R16). */
  readonly mayReturn: boolean;
  readonly start: () => ProcessRun;
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  /** Told of every death that was not asked for, once it has started. */
  readonly died: (process: SupervisedProcess, death: Death, sequel: Sequel) => void;
  /** Told when it listens again after a restart. */
  readonly returned: (process: SupervisedProcess) => void;
}

const finalCodes: readonly (number | undefined)[] = [exitCodes.storage, exitCodes.directory];

/** A process that is started again when it dies, if that is safe and of use. */
export class SupervisedProcess {
  readonly name: string;
  readonly address: string;
  /** The death of its first process if it never came to listen; a damaged disk is a death like any other. */
  readonly startProblem: Promise<Death | undefined>;
  /** Resolves when it does not run and is not started again. */
  readonly gone: Promise<void>;
  readonly #options: SupervisionOptions;
  readonly #stopping = new AbortController();
  #run: ProcessRun;
  #running = true;

  constructor(options: SupervisionOptions) {
    this.name = options.name;
    this.address = options.address;
    this.#options = options;
    const first = options.start();
    this.#run = first;
    this.startProblem = this.#problemOf(first);
    this.gone = this.#supervise();
  }

  get pid(): number {
    return this.#run.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  /** From now on its end is asked for. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#stopping.abort();
    if (this.#running) this.#run.signal(signal);
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #problemOf(first: ProcessRun): Promise<Death | undefined> {
    if (await first.listening) return undefined;
    const death = await first.ended;
    return death.exitCode === exitCodes.storage ? undefined : death;
  }

  async #supervise(): Promise<void> {
    const { clock, start, died, returned } = this.#options;
    let startedAtMs = clock.now();
    let record = noDeaths;
    const first = this.#run;
    for (;;) {
      const death = await this.#run.ended;
      this.#running = false;
      if (this.#run === first && (await this.startProblem) !== undefined) return;
      if (this.#isStopping()) return;
      const [sequel, nextRecord] = this.#sequelOf(death, record, clock.now() - startedAtMs);
      record = nextRecord;
      died(this, death, sequel);
      if (sequel.kind !== 'restart') return;
      await clock.sleep(sequel.afterMs, this.#stopping.signal);
      if (this.#isStopping()) return;
      startedAtMs = clock.now();
      const next = start();
      this.#run = next;
      this.#running = true;
      void next.listening.then((listens) => {
        if (listens && !this.#isStopping()) returned(this);
      });
    }
  }

  #sequelOf(death: Death, record: DeathRecord, ranMs: number): [Sequel, DeathRecord] {
    if (!this.#options.mayReturn) return [{ kind: 'forgot' }, record];
    if (finalCodes.includes(death.exitCode)) return [{ kind: 'final' }, record];
    const verdict = judgeDeath(record, ranMs);
    if (verdict.kind === 'give-up') return [{ kind: 'given-up' }, record];
    return [{ kind: 'restart', afterMs: verdict.afterMs }, verdict.record];
  }
}
