import type { RanAt } from '../check/told-order.js';
import { BaseClerk } from '../clerk/base-clerk.js';
import { EndpointsRoute } from '../clerk/endpoints-route.js';
import type { Route } from '../clerk/route.js';
import { ViewRoute } from '../clerk/view-route.js';
import type { SessionParameters } from '../kv/limits.js';
import { InvariantViolation } from '../log/invariant-violation.js';
import { serverAddress, serverIncarnation, type ServerAddress } from '../primary-backup/names.js';
import type { Logger } from '../runtime/logger.js';
import { PrimaryBackupServer } from '../server/primary-backup-server.js';
import type { Envelope, SimulatedCluster } from './cluster.js';
import { Machine, type DiskPace } from './machine.js';
import { PrimaryBackupMonitor } from './primary-backup-monitor.js';
import { PrimaryBackupPlace, type Caller } from './primary-backup-place.js';
import { pingIntervalMs, SimulatedViews } from './primary-backup-views.js';
import { RanOrder } from './ran-order.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { World } from './world.js';

export interface PrimaryBackupClusterOptions {
  readonly replicaCount: number;
  readonly sessionParameters: SessionParameters;
  /** Of the disks, which nobody writes to. */
  readonly diskPace: DiskPace;
}

const roundTimeoutMs = 1000;
const attemptTimeoutMs = 1000;

/** Servers of primary/backup, which keep nothing on their disks, and their view service. */
export class PrimaryBackupCluster implements SimulatedCluster, Envelope {
  readonly engine = 'primary-backup';
  readonly machines: readonly Machine[];
  readonly otherHosts: readonly string[];
  readonly envelope: Envelope = this;
  readonly #world: World;
  readonly #options: PrimaryBackupClusterOptions;
  readonly #monitor: PrimaryBackupMonitor;
  readonly #places: readonly PrimaryBackupPlace[];
  readonly #views: SimulatedViews;
  readonly #ranOrder = new RanOrder();

  constructor(world: World, options: PrimaryBackupClusterOptions) {
    this.#world = world;
    this.#options = options;
    this.#monitor = new PrimaryBackupMonitor((check, message) => world.violated(check, message));
    this.#places = Array.from({ length: options.replicaCount }, (_, index) => {
      const address = serverAddress(`server-${index + 1}`);
      return new PrimaryBackupPlace(address, new Machine(world, address, options.diskPace), this.#monitor);
    });
    this.machines = this.#places.map(({ machine }) => machine);
    this.#views = new SimulatedViews(world);
    this.otherHosts = [this.#views.host];
  }

  get ranAt(): RanAt {
    return this.#ranOrder.ranAt;
  }

  get isUp(): boolean {
    return this.#views.isWhole && this.#places.every(({ server }) => server?.serving === true);
  }

  get left(): string | undefined {
    return this.#views.left;
  }

  /** What the view service says, if every server is there and says that something is wrong too. */
  get deadEnd(): string | undefined {
    const { trouble } = this.#views.news;
    const saysSo = ({ address, machine: { process }, server }: PrimaryBackupPlace) =>
      process !== undefined && this.#views.hears(address, process) && server?.status().trouble !== '';
    return trouble !== '' && this.#places.every(saysSo) ? trouble : undefined;
  }

  /** Two processes hold the data, and nothing stands in the way of their pings. */
  get canLoseOne(): boolean {
    const { network } = this.#world;
    const { primary, backup } = this.#views.news.view;
    const isReachable = ({ address, machine }: PrimaryBackupPlace) =>
      machine.process?.state === 'running' && network.isOpen(address, this.#views.host);
    return (
      this.#views.isWhole &&
      this.#places.filter(({ address }) => address === primary || address === backup).every(isReachable)
    );
  }

  boot(machine: Machine): void {
    const process = machine.begin();
    process.onEnd(() => this.#views.ended(process));
    process.after(0, () => {
      const place = this.#placeOf(machine);
      const server = this.#newServer(place, process);
      place.started(server, process);
      server.start();
    });
  }

  leader(): Machine | undefined {
    let leader: { readonly viewNumber: number; readonly machine: Machine } | undefined;
    for (const { server, machine } of this.#places) {
      const { part, view } = server?.replica.membership ?? {};
      if (part?.kind !== 'primary' || !part.isAcknowledged || view === undefined) continue;
      // One that has been replaced may not have heard of it.
      if (leader === undefined || leader.viewNumber < view.viewNumber) {
        leader = { viewNumber: view.viewNumber, machine };
      }
    }
    return leader?.machine;
  }

  clerk(host: string, process: SimulatedProcess, first: number): BaseClerk {
    return new BaseClerk({
      route: this.#route(host, process, first),
      attemptTimeoutMs,
      sequenceWindow: this.#options.sessionParameters.sequenceWindow,
      clock: process.clock,
    });
  }

  check(machine: Machine): void {
    this.#placeOf(machine).check();
  }

  unsettled(machines: readonly Machine[]): string | undefined {
    for (const machine of machines) {
      const { server } = this.#placeOf(machine);
      if (server === undefined) return `${machine.host} is not up`;
      const { serving, trouble } = server.status();
      if (!serving) return `${machine.host} does not serve${trouble === '' ? '' : `: ${trouble}`}`;
    }
    const { primary, backup, viewNumber } = this.#views.news.view;
    if (!this.#views.isWhole) return `view ${viewNumber} is not whole`;
    const [one, other] = [this.#standOf(primary), this.#standOf(backup)];
    return one === other ? undefined : `the primary stands at ${one}, its backup at ${other}`;
  }

  tallyAtEnd(): void {
    const { tally, trace } = this.#world;
    const statuses = this.#places.flatMap(({ lastServer }) =>
      lastServer === undefined ? [] : [lastServer.status()],
    );
    tally.add('slots', this.#monitor.slots);
    const ended = statuses.map(({ nextClientId, openSessions }) => nextClientId - 1 - openSessions);
    tally.add('sessions expired', Math.max(0, ...ended));
    const { left } = this.#views;
    if (left === undefined) return;
    tally.add('worlds outside the envelope');
    trace.add(`the envelope was left: ${left}`);
  }

  #standOf(server: ServerAddress | undefined): string {
    const status = this.#places.find(({ address }) => address === server)?.server?.status();
    return `slot ${status?.log.applied ?? 'none'} digest ${status?.digest ?? 'none'}`;
  }

  #newServer({ address, machine }: PrimaryBackupPlace, process: SimulatedProcess): PrimaryBackupServer {
    const { network } = this.#world;
    return new PrimaryBackupServer({
      id: 0,
      address,
      incarnation: serverIncarnation(this.#world.randomFor(`process ${process.name}`).hex(32)),
      viewService: this.#views.host,
      viewLink: this.#views.linkFrom(address, process),
      openLink: (to) => this.#placeAt(to).backupLink({ network, from: address, caller: process }),
      sessionParameters: this.#options.sessionParameters,
      applied: this.#ranOrder.applied,
      pingIntervalMs,
      roundTimeoutMs,
      clock: process.clock,
      logger: this.#logger(address),
      failed: (error) => this.#stopped(machine, process, error),
    });
  }

  /** Half of the clerks know the servers, the others the view service alone. */
  #route(host: string, process: SimulatedProcess, first: number): Route {
    const caller: Caller = { network: this.#world.network, from: host, caller: process };
    const random = this.#world.randomFor(`route of ${host}`);
    if (random.below(2) === 0) {
      const links = this.#places.map((_, index) => this.#place(first + index).clientLink(caller));
      return new EndpointsRoute(links, random);
    }
    return new ViewRoute({
      view: this.#views.clerkLinkFrom(host, process),
      open: (address) => this.#placeAt(address).clientLink(caller),
      timeoutMs: attemptTimeoutMs,
      clock: process.clock,
      random,
    });
  }

  /** A server has ended itself, as none has reason to: its process is gone, as over `synod serve`. */
  #stopped(machine: Machine, process: SimulatedProcess, error: unknown): void {
    if (process.state === 'ended') return;
    const { tally, trace } = this.#world;
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    trace.add(`stopped ${process.name} ${problem}`);
    tally.add('servers that stopped themselves');
    // Ended by an event of its own: what called this is still on its way.
    process.after(0, () => {
      if (machine.process === process) machine.end('kill');
    });
    const isInvariant = error instanceof InvariantViolation;
    const check = isInvariant ? 'an invariant of a server' : 'servers stop for a reason';
    this.#world.violated(check, `${machine.host}: ${problem}`);
  }

  #logger(address: ServerAddress): Logger {
    const { tally, trace } = this.#world;
    const told = (message: string) => trace.add(`${address} tells ${message}`);
    return {
      debug: (event) => {
        if (event === 'pulled') tally.add('a snapshot is installed');
      },
      info: told,
      warn: told,
      error: told,
    };
  }

  #placeOf(machine: Machine): PrimaryBackupPlace {
    return this.#place(this.machines.indexOf(machine));
  }

  #placeAt(server: string): PrimaryBackupPlace {
    return this.#place(this.#places.findIndex(({ address }) => address === server));
  }

  #place(index: number): PrimaryBackupPlace {
    const place = this.#places[index % this.#places.length];
    if (place === undefined) throw new RangeError(`there is no server at ${index}`);
    return place;
  }
}
