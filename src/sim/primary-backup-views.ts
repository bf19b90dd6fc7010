import type { ViewLink as ClerkViewLink, View as ClerkView } from '../clerk/view-link.js';
import type { ServerPing, ViewLink, ViewNews } from '../primary-backup/messages.js';
import { viewServiceIncarnation, type ServerAddress } from '../primary-backup/names.js';
import { ViewServer } from '../primary-backup/view-server.js';
import { silentLogger } from '../runtime/logger.js';
import { remoteCall } from './network-call.js';
import { PrimaryBackupEnvelope } from './primary-backup-envelope.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { World } from './world.js';

export const pingIntervalMs = 100;
const deadPings = 5;

/**
 * The view service of a simulated world, which never fails: a process on a host of its own, to which the ways can be cut.
 * Pings that reach it are what the envelope is told by.
 */
export class SimulatedViews {
  readonly host = 'views';
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #server: ViewServer;
  readonly #envelope = new PrimaryBackupEnvelope(deadPings * pingIntervalMs);

  constructor(world: World) {
    this.#world = world;
    this.#process = world.newProcess(this.host);
    this.#server = this.#start();
  }

  get news(): ViewNews {
    return this.#server.news;
  }

  /** How the envelope was left; undefined while it is kept. */
  get left(): string | undefined {
    this.#look();
    return this.#envelope.left;
  }

  /** Whether two processes hold the data, and are known to. */
  get isWhole(): boolean {
    this.#look();
    return this.#envelope.isWhole(this.news, this.#process.clock.now());
  }

  /** Whether the pings of this process arrive. */
  hears(server: ServerAddress, { name }: SimulatedProcess): boolean {
    return this.#envelope.isThere(server, name, this.#process.clock.now());
  }

  /** A process of a server has ended. */
  ended({ name }: SimulatedProcess): void {
    this.#look();
    this.#envelope.ended(name);
    this.#look();
  }

  /** The way of a server to it. */
  linkFrom(server: ServerAddress, caller: SimulatedProcess): ViewLink {
    const handle = (ping: ServerPing) => Promise.resolve(this.#pinged(ping, caller));
    return {
      ping: remoteCall({ ...this.#ends(server, caller), name: 'ping', handle, mayDuplicate: true }),
    };
  }

  /** The way of a clerk to it. */
  clerkLinkFrom(host: string, caller: SimulatedProcess): ClerkViewLink {
    const handle = (): Promise<ClerkView> => {
      const { view, trouble } = this.news;
      return Promise.resolve({ number: view.viewNumber, primary: view.primary, trouble });
    };
    return {
      address: this.host,
      getView: remoteCall({ ...this.#ends(host, caller), name: 'get-view', handle, mayDuplicate: false }),
      close: () => undefined,
    };
  }

  #ends(from: string, caller: SimulatedProcess) {
    return { network: this.#world.network, from, to: this.host, caller, callee: () => this.#process };
  }

  #pinged(ping: ServerPing, { name }: SimulatedProcess): ViewNews {
    this.#look();
    this.#envelope.pinged(ping.server, { process: name, atMs: this.#process.clock.now() });
    const news = this.#server.handlePing(ping);
    this.#look();
    return news;
  }

  #look(): void {
    this.#envelope.look(this.news, this.#process.clock.now());
  }

  #start(): ViewServer {
    const { tally, trace } = this.#world;
    const told = (message: string) => trace.add(`${this.host} tells ${message}`);
    const server = new ViewServer({
      incarnation: viewServiceIncarnation(this.#world.randomFor(`process ${this.host}`).hex(32)),
      clock: this.#process.clock,
      logger: {
        ...silentLogger,
        info: (message) => {
          told(message);
          tally.add('elections');
        },
        warn: told,
      },
      pingIntervalMs,
      deadPings,
    });
    server.start();
    return server;
  }
}
