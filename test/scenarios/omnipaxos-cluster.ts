import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  makeOmnipaxosPeer,
  type OmnipaxosPeer,
  type ProposalOutcome,
  type RunningOmnipaxosPeer,
} from '../../src/index.js';
import { compareBallots, formatBallot, type Ballot } from '../../src/log/ballot.js';
import type { Random } from '../../src/runtime/random.js';
import { AppliedLogs } from './applied-logs.js';
import type { CutMode } from './link-faults.js';
import { heads } from './random-choices.js';
import type { Observed } from './report.js';
import { StreamFaults } from './stream-faults.js';
import { diskOptions } from './variant.js';
import { waitUntil } from './wait-until.js';

export interface OmnipaxosClusterOptions {
  /** Members of the cluster, which are numbered from 0. */
  readonly serverCount: number;
  /** Decides the faults. */
  readonly random: Random;
  /** What a cut is like; default: drawn. */
  readonly cuts?: CutMode;
  /** Default: the library's own. */
  readonly electionTimeoutMs?: number;
  /** Whether servers can be restarted; default: as the run wants it. */
  readonly onDisk?: boolean;
}

/** A server that leads, as it believes itself. */
export interface Claim {
  readonly server: number;
  readonly ballot: Ballot;
}

/** The library's own. */
export const defaultElectionTimeoutMs = 100;

/** The labs look for a leader ten times, a second or a little more apart; here looks follow each other at once. */
const leaderLimitMs = 10_500;
const leaderSoonMs = 2000;
const oneLimitMs = 10_000;
const oneTryMs = 2000;
const pollMs = 5;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Peers of the OmniPaxos library on sockets of their own, behind the fault model. Values are texts. */
export class OmnipaxosCluster implements Observed {
  readonly faults: StreamFaults;
  readonly applied = new AppliedLogs();
  #operationCount = 0;
  #failure: { readonly error: unknown } | undefined;
  readonly #running = new Map<number, RunningOmnipaxosPeer>();
  readonly #disconnected = new Set<number>();

  private constructor(
    private readonly directory: string,
    private readonly options: OmnipaxosClusterOptions,
  ) {
    const { serverCount, random } = options;
    this.faults = new StreamFaults(serverCount, random);
    this.faults.mode = options.cuts ?? (heads(random) ? 'black-hole' : 'fail-at-once');
  }

  /** Listens on Unix sockets in a directory of its own, so that no two clusters ever meet. */
  static async start(options: OmnipaxosClusterOptions): Promise<OmnipaxosCluster> {
    const cluster = new OmnipaxosCluster(await mkdtemp(join(tmpdir(), 'synod-omnipaxos-')), options);
    for (const server of cluster.servers) await cluster.#make(server);
    return cluster;
  }

  /** Runs `body` on a cluster of its own that has elected a leader, and closes it, however that ends. */
  static async with(
    options: OmnipaxosClusterOptions,
    body: (cluster: OmnipaxosCluster) => Promise<void>,
  ): Promise<void> {
    const cluster = await OmnipaxosCluster.start(options);
    try {
      // Servers that start one after another may elect more than once until all have met.
      await cluster.waitUntilSettled();
      console.log(`  cuts are ${cluster.faults.mode === 'black-hole' ? 'silent' : 'noticed'}`);
      await body(cluster);
      cluster.check();
    } finally {
      await cluster.close();
    }
  }

  get peerCount(): number {
    return this.options.serverCount;
  }

  get electionTimeoutMs(): number {
    return this.options.electionTimeoutMs ?? defaultElectionTimeoutMs;
  }

  get rpcCount(): number {
    return this.faults.rpcCount;
  }

  /** Proposals made, and leaders and agreements waited for so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** The numbers of all servers. */
  get servers(): readonly number[] {
    return Array.from({ length: this.peerCount }, (_, server) => server);
  }

  /** All servers but these. */
  others(...servers: readonly number[]): number[] {
    return this.servers.filter((server) => !servers.includes(server));
  }

  /** The server `distance` after this one, in a circle. */
  after(server: number, distance: number): number {
    return (server + distance) % this.peerCount;
  }

  isUp(server: number): boolean {
    return this.#running.has(server);
  }

  peer(server: number): OmnipaxosPeer {
    const running = this.#running.get(server);
    if (running === undefined) throw new RangeError(`server ${server} is down`);
    return running.peer;
  }

  /** Cuts all links of these servers. */
  disconnect(...servers: readonly number[]): void {
    for (const server of servers) {
      this.#disconnected.add(server);
      this.faults.isolate(server);
    }
  }

  /** Gives these servers their links to all that are connected. */
  connect(...servers: readonly number[]): void {
    for (const server of servers) this.#disconnected.delete(server);
    const connected = this.others(...this.#disconnected);
    for (const server of servers) this.faults.link(server, connected);
  }

  /** Ends every cut. */
  heal(): void {
    this.#disconnected.clear();
    this.faults.heal();
  }

  /** Ends a server; its directory stays, if it has one. */
  async crash(server: number): Promise<void> {
    const running = this.#running.get(server);
    if (running === undefined) throw new RangeError(`server ${server} is down already`);
    this.#running.delete(server);
    this.applied.reset(server);
    await running.close();
  }

  /** Makes a server that is down again, from its directory. */
  async restart(server: number): Promise<void> {
    if (this.options.onDisk !== true) throw new RangeError('a server in memory must not come back');
    await this.#make(server);
  }

  async crashAndRestart(server: number): Promise<void> {
    await this.crash(server);
    await this.restart(server);
  }

  propose(server: number, value: string): ProposalOutcome {
    return this.peer(server).proposal(encoder.encode(value));
  }

  /**
   * Proposes at a server that leads, and answers the slot.
   * @throws Error if it does not lead
   */
  proposeAtLeader(server: number, value: string): number {
    this.#operationCount += 1;
    const outcome = this.propose(server, value);
    if (outcome.kind !== 'proposed')
      throw new Error(`server ${server} does not lead: "${value}" was refused`);
    return outcome.slot;
  }

  /**
   * The connected servers that lead, the highest ballot first; that of one that was deposed and does not know is lower.
   * @throws Error if two lead under one ballot
   */
  get leaders(): readonly Claim[] {
    return this.#leadersAmong(this.others(...this.#disconnected));
  }

  #leadersAmong(servers: readonly number[]): Claim[] {
    const claims = servers.flatMap((server): Claim[] => {
      const leadership = this.#running.get(server)?.peer.leadership;
      return leadership?.kind === 'leading' ? [{ server, ballot: leadership.ballot }] : [];
    });
    const ballots = claims.map(({ ballot }) => formatBallot(ballot));
    const twice = ballots.find((ballot, index) => ballots.indexOf(ballot) !== index);
    if (twice !== undefined) throw new Error(`two servers lead under ballot ${twice}`);
    return claims.sort((left, right) => compareBallots(right.ballot, left.ballot));
  }

  /** The highest ballot that any server has promised. */
  get highestPromise(): Ballot | undefined {
    return [...this.#running.values()].reduce<Ballot | undefined>((highest, { peer }) => {
      const { promised } = peer.replica.log;
      return compareBallots(promised, highest) > 0 ? promised : highest;
    }, undefined);
  }

  /** Waits until a connected server leads, and answers it. */
  async checkOneLeader(): Promise<number> {
    this.#operationCount += 1;
    let leader: number | undefined;
    await this.#wait('a connected server leads', leaderLimitMs, () => {
      leader = this.leaders[0]?.server;
      return leader !== undefined;
    });
    if (leader === undefined) throw new Error('no connected server leads');
    return leader;
  }

  /** Waits until all connected servers have promised the ballot of the one that leads, and answers that one. */
  async waitUntilSettled(): Promise<Claim> {
    this.#operationCount += 1;
    let settled: Claim | undefined;
    await this.#wait('the connected servers follow one leader', leaderLimitMs, () => {
      const [leader] = this.leaders;
      const follow = (server: number) =>
        compareBallots(this.peer(server).replica.log.promised, leader?.ballot) === 0;
      settled = this.others(...this.#disconnected).every(follow) ? leader : undefined;
      return settled !== undefined;
    });
    if (settled === undefined) throw new Error('the connected servers follow no leader');
    return settled;
  }

  /** Waits until this server leads under a higher ballot than that one; the labs give it two seconds. */
  async waitForLeader(server: number, above: Ballot): Promise<void> {
    this.#operationCount += 1;
    const what = `server ${server} leads under a ballot above ${formatBallot(above)}`;
    await this.#wait(what, leaderSoonMs, () => this.leads(server, above));
  }

  /** Whether this server leads under the highest ballot of all that lead, which is above that one. */
  leads(server: number, above: Ballot): boolean {
    const [leader] = this.leaders;
    return leader?.server === server && compareBallots(leader.ballot, above) > 0;
  }

  /** @throws Error if any server, connected or not, believes that it leads */
  checkNoLeader(): void {
    const [leader] = this.#leadersAmong(this.servers);
    if (leader !== undefined) throw new Error(`server ${leader.server} leads without a majority`);
  }

  /** Waits until these servers have applied a slot. */
  async waitForApplied(slot: number, servers: readonly number[]): Promise<void> {
    this.#operationCount += 1;
    const what = `slot ${slot} is applied by servers ${servers.join(', ')}`;
    await this.#wait(what, oneLimitMs, () => servers.every((server) => this.applied.has(server, slot)));
  }

  /**
   * Has a value agreed on: proposes it at a connected server that leads, again elsewhere if nothing has come of it after
   * two seconds and `retry` allows that, and answers the slot at which at least `expectedServers` have applied it.
   */
  async one(value: string, expectedServers: number, retry: boolean): Promise<number> {
    this.#operationCount += 1;
    const endMs = performance.now() + oneLimitMs;
    for (let attempt = 0; performance.now() < endMs; attempt += 1) {
      const slot = this.#proposeAnywhere(value, attempt);
      if (slot === undefined) {
        await sleep(pollMs);
        continue;
      }
      if (await this.#isAppliedSoon(slot, value, expectedServers)) return slot;
      if (!retry) break;
    }
    throw new Error(`"${value}" was not agreed on by ${expectedServers} servers; ${this.#standing()}`);
  }

  /** @throws what has gone wrong in any server, or between them, so far */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running.values()].map((running) => running.close()));
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Proposes at the first connected server that takes it, beginning with another one each time. */
  #proposeAnywhere(value: string, attempt: number): number | undefined {
    for (const distance of this.servers) {
      const server = this.after(attempt, distance);
      if (!this.isUp(server) || this.#disconnected.has(server)) continue;
      const outcome = this.propose(server, value);
      if (outcome.kind === 'proposed') return outcome.slot;
    }
    return undefined;
  }

  async #isAppliedSoon(slot: number, value: string, expectedServers: number): Promise<boolean> {
    const endMs = performance.now() + oneTryMs;
    while (performance.now() < endMs) {
      this.check();
      if (this.applied.count(slot) >= expectedServers) return this.applied.values[slot] === value;
      await sleep(pollMs);
    }
    return false;
  }

  /** Fails at once with what has gone wrong in a server, and in the end with how all of them stand. */
  async #wait(what: string, limitMs: number, condition: () => boolean): Promise<void> {
    let standing = '';
    const looked = waitUntil(what, limitMs, () => {
      this.check();
      if (condition()) return true;
      standing = this.#standing();
      return false;
    });
    await looked.catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : String(error)}; ${standing}`, {
        cause: error,
      });
    });
  }

  /** For the message of a failure. */
  #standing(): string {
    const servers = [...this.#running].map(([server, { peer }]) => {
      const { phase, log, election } = peer.replica;
      const heard = election.isQuorumConnected ? 'hears a majority' : 'hears no majority';
      return (
        `server ${server}: ${phase.kind}, ${heard}, follows ${formatBallot(election.leader)}, promised ` +
        `${formatBallot(log.promised)}, decided below ${peer.decidedEnd} of ${peer.acceptedEnd}`
      );
    });
    return servers.join('; ');
  }

  async #make(server: number): Promise<void> {
    const { onDisk } = this.options;
    const running = await makeOmnipaxosPeer({
      ...(onDisk === true
        ? { dataDirectory: join(this.directory, String(server)) }
        : diskOptions(this.directory, server)),
      peers: this.servers.map((member) => ({ id: member + 1, address: this.#address(member) })),
      me: server + 1,
      peerInterceptors: (id) => [this.faults.interceptor(server, id - 1)],
      onFailure: (error) => this.#failed(error),
      electionTimeoutMs: this.electionTimeoutMs,
    });
    this.#running.set(server, running);
    void this.#apply(server, running);
  }

  async #apply(server: number, running: RunningOmnipaxosPeer): Promise<void> {
    try {
      for await (const { slot, value } of running.decisions()) {
        if (this.#running.get(server) !== running) return;
        this.applied.apply(server, slot, decoder.decode(value));
      }
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#failure ??= { error };
  }

  #address(server: number): string {
    return `unix:${join(this.directory, `${server}.sock`)}`;
  }
}
