import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure, type FailureKind } from './command-failure.js';
import type { DevPlan } from './dev-plan.js';
import { exitCodes } from './exit-codes.js';
import { ServerProcess } from './server-process.js';
import { StatusClient } from './status-service.js';
import { SupervisedProcess, type Death, type Sequel, type SupervisionOptions } from './supervised-process.js';

export interface DevClusterOptions {
  readonly plan: DevPlan;
  /** Told of every death of a replica that was not asked for, once it has started. */
  readonly died: (replica: DevReplica, death: Death, sequel: Sequel) => void;
  /** Told when a replica listens again after a restart. */
  readonly returned: (replica: DevReplica) => void;
  readonly viewServiceDied: (process: SupervisedProcess, death: Death) => void;
}

export interface DevReplica {
  readonly id: number;
  readonly process: SupervisedProcess;
}

/** How long the processes may take to stop before they are killed. */
const stopLimitMs = 1500;
const pollIntervalMs = 50;
const pollTimeoutMs = 500;

const clock: SupervisionOptions['clock'] = {
  now: () => performance.now(),
  // Rejects for no other reason than the abort.
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};

/** The processes of `dev` on this machine: the replicas, and a view service if the engine has one. */
export class DevCluster {
  readonly #options: DevClusterOptions;
  readonly #stopping = new AbortController();
  #viewService: SupervisedProcess | undefined;
  #replicas: readonly DevReplica[] = [];

  constructor(options: DevClusterOptions) {
    this.#options = options;
  }

  /** None before they are started. */
  get replicas(): readonly DevReplica[] {
    return this.#replicas;
  }

  /** Undefined before it is started, and for an engine without one. */
  get viewService(): SupervisedProcess | undefined {
    return this.#viewService;
  }

  get runningCount(): number {
    return this.#replicas.filter(({ process }) => process.running).length;
  }

  /** Undefined for an engine that does not vote. */
  get majority(): number | undefined {
    return this.#options.plan.majority;
  }

  /** Starts all, and resolves when all listen whose disk is not damaged. @throws CommandFailure if another cannot start */
  async start(): Promise<void> {
    this.#viewService = this.#startViewService();
    // First: while another process has its address, replicas would take part in the views of that one.
    if (this.#viewService !== undefined) await throwIfNotStarted(this.#viewService);
    if (this.#stopping.signal.aborted) return;
    this.#replicas = this.#options.plan.addresses.map((address, index) =>
      this.#startReplica(index + 1, address),
    );
    await Promise.all(this.#replicas.map(({ process }) => throwIfNotStarted(process)));
  }

  /** Resolves with true when the cluster is ready, or with false when `signal` aborts. */
  async ready(signal: AbortSignal): Promise<boolean> {
    const replicas = this.#replicas.map(({ process }) => ({
      process,
      client: new StatusClient(process.address),
    }));
    try {
      while (!signal.aborted) {
        const running = replicas.filter(({ process }) => process.running);
        const statuses = await Promise.all(
          running.map(({ client }) => client.ask({ timeoutMs: pollTimeoutMs, signal })),
        );
        if (this.#options.plan.isReady(statuses)) return true;
        await sleep(pollIntervalMs);
      }
      return false;
    } finally {
      for (const { client } of replicas) client.close();
    }
  }

  /** Resolves when no replica runs any more, and none is started again. */
  async gone(): Promise<void> {
    await Promise.all(this.#replicas.map(({ process }) => process.gone));
  }

  /** Stops every process: first by asking, then by force. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const processes = this.#replicas.map(({ process }) => process);
    if (this.#viewService !== undefined) processes.push(this.#viewService);
    const gone = Promise.all(processes.map((process) => process.gone));
    for (const process of processes) process.stop('SIGTERM');
    await Promise.race([gone, sleep(stopLimitMs)]);
    for (const process of processes) process.stop('SIGKILL');
    await gone;
  }

  #startViewService(): SupervisedProcess | undefined {
    const { plan, viewServiceDied } = this.#options;
    if (plan.viewService === undefined) return undefined;
    const { address, commandLine } = plan.viewService;
    return new SupervisedProcess({
      name: 'viewd',
      address,
      mayReturn: false,
      start: () => new ServerProcess(commandLine),
      clock,
      died: viewServiceDied,
      returned: () => undefined,
    });
  }

  #startReplica(id: number, address: string): DevReplica {
    const { plan, died, returned } = this.#options;
    const starts: ('first' | 'again')[] = ['first'];
    const process: SupervisedProcess = new SupervisedProcess({
      name: `replica ${id}`,
      address,
      mayReturn: plan.mayReturn,
      start: () => new ServerProcess(plan.serveCommandLine(id, starts.pop() ?? 'again')),
      clock,
      died: (_, death, sequel) => died({ id, process }, death, sequel),
      returned: () => returned({ id, process }),
    });
    return { id, process };
  }
}

const kindOfCode = new Map<number | undefined, FailureKind>([
  [exitCodes.cannotListen, 'cannot-listen'],
  [exitCodes.directory, 'directory-refused'],
]);

/** @throws CommandFailure if its first run never came to listen */
async function throwIfNotStarted({ name, startProblem }: SupervisedProcess): Promise<void> {
  const death = await startProblem;
  if (death === undefined) return;
  const kind = kindOfCode.get(death.exitCode) ?? 'internal';
  const remedy = kind === 'cannot-listen' ? '; choose other ports with --port' : '';
  throw new CommandFailure({
    kind,
    message: `${name} did not start: ${death.reason ?? death.how}${remedy}`,
  });
}
