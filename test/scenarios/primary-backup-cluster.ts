import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  startPrimaryBackup,
  type Clerk,
  type ClerkOptions,
  type RunningReplica,
  type StartPrimaryBackupOptions,
} from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { CountedClerk } from './counted-clerk.js';
import { noAttemptTimeoutMs, withCluster } from './key-value-cluster.js';
import { ownStream } from './random-choices.js';
import { ReceiverFaults } from './receiver-faults.js';
import type { Observed } from './report.js';
import { WatchedViewService } from './view-service-watch.js';
import { waitUntil } from './wait-until.js';

export interface PrimaryBackupClusterOptions {
  readonly serverCount: number;
  /** Decides the faults. */
  readonly random: Random;
}

/** What a server is started with beside its address and the view service. */
export type ServerOptions = Partial<Omit<StartPrimaryBackupOptions, 'address' | 'onFailure'>>;

/** A view, its servers by their numbers. */
export interface NumberedView {
  readonly viewNumber: number;
  readonly primary: number | undefined;
  readonly backup: number | undefined;
  readonly isAcknowledged: boolean;
}

/** The time of the labs in which the view service takes a silent server for dead: five pings of 100 ms. */
export const deadTimeMs = 500;
/** How long views may take to settle once nothing disturbs them. */
const settleLimitMs = 5000;

/**
 * A view service and servers of primary/backup on sockets of their own, numbered from 0; each runs from when it is
 * started until it is killed. Whatever an unreliable server receives is lost as in the labs: what clients send, forwards
 * and transfers. What the view service receives never is.
 */
export class PrimaryBackupCluster implements Observed {
  readonly peerCount: number;
  #operationCount = 0;
  /** Received by view services before the one there is. */
  #endedViewRpcs = 0;
  readonly #receivers: readonly ReceiverFaults[];
  readonly #running = new Map<number, RunningReplica>();
  readonly #killed = new Map<number, Promise<void>>();
  readonly #clerks = new Set<Clerk>();
  /** Why servers have stopped themselves. */
  readonly #failures: Error[] = [];

  private constructor(
    private readonly directory: string,
    private viewService: WatchedViewService,
    { serverCount, random }: PrimaryBackupClusterOptions,
  ) {
    this.peerCount = serverCount;
    this.#receivers = this.servers.map(() => new ReceiverFaults(ownStream(random)));
  }

  /** Starts the view service, and no server. */
  static async start(options: PrimaryBackupClusterOptions): Promise<PrimaryBackupCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'synod-cluster-'));
    const viewService = await WatchedViewService.start(`unix:${join(directory, 'view.sock')}`);
    return new PrimaryBackupCluster(directory, viewService, options);
  }

  /** Runs `body` on a cluster of its own and closes it, however that ends. */
  static with(
    options: PrimaryBackupClusterOptions,
    body: (cluster: PrimaryBackupCluster) => Promise<void>,
  ): Promise<void> {
    return withCluster(PrimaryBackupCluster.start(options), body);
  }

  /** RPCs accepted by the view service and all servers. */
  get rpcCount(): number {
    return this.#receivers.reduce((sum, { rpcCount }) => sum + rpcCount, this.viewRpcCount);
  }

  /** RPCs that the view service has received, in all its lives. */
  get viewRpcCount(): number {
    return this.#endedViewRpcs + this.viewService.rpcCount;
  }

  /** Calls of clerks so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** The numbers of all servers. */
  get servers(): readonly number[] {
    return Array.from({ length: this.peerCount }, (_, server) => server);
  }

  /** As the view service has it now. */
  get view(): NumberedView {
    const { viewNumber, primary, backup, isAcknowledged } = this.viewService.view;
    return { viewNumber, primary: this.#numberOf(primary), backup: this.#numberOf(backup), isAcknowledged };
  }

  /** What keeps the views from going on, as the view service says it. */
  get trouble(): string {
    return this.viewService.view.trouble;
  }

  path(name: string): string {
    return join(this.directory, `${name}.sock`);
  }

  /** The name of a server in views. */
  address(server: number): string {
    return `unix:${this.path(String(server))}`;
  }

  server(server: number): RunningReplica {
    const running = this.#running.get(server);
    if (running === undefined) throw new RangeError(`there is no server ${server} that runs`);
    return running;
  }

  isRunning(server: number): boolean {
    return this.#running.has(server);
  }

  /** Starts a server, empty and reliable, for the first time or after it was killed. */
  async startServer(server: number, options: ServerOptions = {}): Promise<void> {
    await this.#killed.get(server);
    const receiver = this.#receiver(server);
    receiver.unreliable = false;
    const { serverInterceptors = [], ...others } = options;
    const running = await startPrimaryBackup({
      viewService: this.viewService.address,
      ...others,
      address: this.address(server),
      serverInterceptors: [receiver.serverInterceptor, ...serverInterceptors],
      onFailure: (cause) => this.#failures.push(new Error(`server ${server} stopped itself`, { cause })),
    });
    this.#running.set(server, running);
  }

  /** Stops a server as it stands: it hears nothing more, and what it holds is lost. */
  kill(server: number): void {
    const running = this.server(server);
    this.#running.delete(server);
    this.#killed.set(server, running.close());
  }

  setUnreliable(server: number, unreliable: boolean): void {
    this.#receiver(server).unreliable = unreliable;
  }

  /** A server discards all RPCs of these methods from now on; with no method, none. */
  loseAt(server: number, ...methods: readonly string[]): void {
    this.#receiver(server).lostMethods = new Set(methods);
  }

  /**
   * A clerk that goes where the view service sends it. Closed with the cluster.
   * @param attemptTimeoutMs how long it waits for one server; without it as long as it takes, as the clerks of the labs
   * do. That works with servers that are killed, for the connection ends with the process, and a view that ends turns
   * away whoever waits for it; only a primary that is cut off from the view service keeps a call waiting.
   */
  clerk(attemptTimeoutMs = noAttemptTimeoutMs): Clerk {
    return this.#clerk({ viewService: this.viewService.address, attemptTimeoutMs });
  }

  /** Lets `body` have a clerk as the labs have it, and closes that afterwards. */
  async withClerk<Value>(body: (clerk: Clerk) => Promise<Value>): Promise<Value> {
    const clerk = this.clerk();
    try {
      return await body(clerk);
    } finally {
      await clerk.close();
      this.#clerks.delete(clerk);
    }
  }

  /** A clerk that tries one server, whatever the view is. Closed with the cluster. */
  clerkAt(server: number): Clerk {
    return this.#clerk({ endpoints: [this.address(server)] });
  }

  /** Resolves when the view has exactly these members. */
  untilView(primary: number, backup: number | undefined, limitMs: number): Promise<void> {
    return waitUntil(`a view with primary ${primary} and backup ${backup}`, limitMs, () => {
      const { view } = this;
      return view.primary === primary && view.backup === backup;
    });
  }

  /** Resolves when a server has heard of the view that there is now. */
  untilHeard(server: number, limitMs: number): Promise<void> {
    const { viewNumber } = this.view;
    return waitUntil(`server ${server} hears of view ${viewNumber}`, limitMs, () => {
      return this.server(server).status().view?.viewNumber === viewNumber;
    });
  }

  /** Resolves when the primary takes calls and its backup, if the view has one, holds the state. */
  untilSettled(limitMs = settleLimitMs): Promise<void> {
    return waitUntil('primary and backup do their parts', limitMs, () => this.#isSettled());
  }

  /**
   * Nothing is under way, and primary and backup hold the same.
   * @throws Error if they do not, or a server has stopped itself
   */
  async expectAgreement(): Promise<void> {
    await this.untilSettled();
    this.#throwFailure();
    const { primary, backup } = this.view;
    if (primary === undefined || backup === undefined) return;
    const [first, second] = [this.server(primary).status(), this.server(backup).status()];
    expect(second.log.applied, 'applied by the backup').to.equal(first.log.applied);
    expect(second.digest, 'digest of the backup').to.equal(first.digest);
  }

  /** Another process of the view service begins anew at the address of the one there was. */
  async restartViewService(): Promise<void> {
    const { address } = this.viewService;
    await this.viewService.close();
    this.#endedViewRpcs += this.viewService.rpcCount;
    this.viewService = await WatchedViewService.start(address);
  }

  /** @throws Error if a server had stopped itself, which the others may have hidden from the clients */
  async close(): Promise<void> {
    for (const receiver of this.#receivers) receiver.unreliable = false;
    await Promise.all([...this.#clerks].map((clerk) => clerk.close()));
    for (const server of [...this.#running.keys()]) this.kill(server);
    await Promise.all(this.#killed.values());
    await this.viewService.close();
    await rm(this.directory, { recursive: true, force: true });
    this.#throwFailure();
  }

  #clerk(options: ClerkOptions): Clerk {
    const clerk = new CountedClerk(options, () => (this.#operationCount += 1));
    this.#clerks.add(clerk);
    return clerk;
  }

  #isSettled(): boolean {
    const { primary, backup, isAcknowledged } = this.view;
    if (primary === undefined || !isAcknowledged || !this.isRunning(primary)) return false;
    const { log, serving, view } = this.server(primary).status();
    if (!serving || log.held > 0 || log.queuedCommands > 0) return false;
    if (view?.viewNumber !== this.view.viewNumber) return false;
    if (backup === undefined) return true;
    return this.isRunning(backup) && this.#holdsState(backup);
  }

  #holdsState(backup: number): boolean {
    const { serving, view } = this.server(backup).status();
    return serving && view?.role === 'backup' && view.viewNumber === this.view.viewNumber;
  }

  #numberOf(address: string | undefined): number | undefined {
    return address === undefined
      ? undefined
      : this.servers.find((server) => this.address(server) === address);
  }

  #receiver(server: number): ReceiverFaults {
    const receiver = this.#receivers[server];
    if (receiver === undefined) throw new RangeError(`there is no server ${server}`);
    return receiver;
  }

  #throwFailure(): void {
    const [failure] = this.#failures;
    if (failure !== undefined) throw failure;
  }
}
