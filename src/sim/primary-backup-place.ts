import type { ClientLink } from '../clerk/client-link.js';
import type { Request } from '../kv/operation.js';
import type { BackupLink, Forward, Standing, StatePiece } from '../primary-backup/messages.js';
import type { ServerAddress } from '../primary-backup/names.js';
import type { PrimaryBackupServer } from '../server/primary-backup-server.js';
import type { Machine } from './machine.js';
import { remoteCall, remoteStream } from './network-call.js';
import type { Network } from './network.js';
import type { PrimaryBackupMonitor, ServerSeen } from './primary-backup-monitor.js';
import type { SimulatedProcess } from './simulated-process.js';

/** A server and the process it runs in. */
interface Running {
  readonly server: PrimaryBackupServer;
  readonly process: SimulatedProcess;
}

/** Who goes to a server: a process on a host. */
export interface Caller {
  readonly network: Network;
  readonly from: string;
  readonly caller: SimulatedProcess;
}

/** A machine, the server of primary/backup on it, and the ways to it, on all of which the monitor looks. */
export class PrimaryBackupPlace {
  readonly address: ServerAddress;
  readonly machine: Machine;
  readonly #monitor: PrimaryBackupMonitor;
  #started: Running | undefined;

  constructor(address: ServerAddress, machine: Machine, monitor: PrimaryBackupMonitor) {
    this.address = address;
    this.machine = machine;
    this.#monitor = monitor;
  }

  /** The server that runs here now; undefined if none does. */
  get server(): PrimaryBackupServer | undefined {
    return this.#running?.server;
  }

  /** The server that ran here last, if any did; it may have ended. */
  get lastServer(): PrimaryBackupServer | undefined {
    return this.#started?.server;
  }

  /** @param process the one on the machine */
  started(server: PrimaryBackupServer, process: SimulatedProcess): void {
    this.#started = { server, process };
  }

  /** Holds what is there now against what must always be. */
  check(): void {
    const running = this.#running;
    if (running !== undefined) this.#monitor.look(this.#seen(running));
  }

  /** The way of another server to this one. */
  backupLink(caller: Caller): BackupLink {
    return {
      forward: remoteCall({
        ...this.#ends(caller),
        name: 'forward',
        handle: (forward: Forward) => {
          const running = this.#there();
          const answer = running.server.replica.handleForward(forward);
          this.#monitor.followed(this.#seen(running), forward, answer);
          return Promise.resolve(answer);
        },
        mayDuplicate: true,
      }),
      pullState: remoteStream({
        ...this.#ends(caller),
        name: 'pull-state',
        handle: (standing: Standing, signal) => this.#handOut(standing, signal),
      }),
      close: () => undefined,
    };
  }

  /** The way of a clerk to it. */
  clientLink(caller: Caller): ClientLink {
    return {
      address: this.address,
      execute: remoteCall({
        ...this.#ends(caller),
        name: 'execute',
        handle: async (request: Request, signal) => {
          const running = this.#there();
          const result = await running.server.execute(request, signal);
          this.#monitor.answered(this.#seen(running));
          return result;
        },
        mayDuplicate: false,
      }),
      close: () => undefined,
    };
  }

  get #running(): Running | undefined {
    return this.#started?.process === this.machine.process ? this.#started : undefined;
  }

  async *#handOut(standing: Standing, signal: AbortSignal): AsyncIterable<StatePiece> {
    const running = this.#there();
    let pieces = 0;
    for await (const piece of running.server.replica.handlePull(standing, signal)) {
      if (pieces === 0) this.#monitor.handsOut(this.#seen(running));
      pieces += 1;
      yield piece;
    }
  }

  #ends(caller: Caller) {
    return { ...caller, to: this.address, callee: () => this.#running?.process };
  }

  #there(): Running {
    if (this.#running === undefined) throw new RangeError(`nobody listens at ${this.address}`);
    return this.#running;
  }

  #seen({ server, process }: Running): ServerSeen {
    const { membership, state } = server.replica;
    return {
      address: this.address,
      process: process.name,
      view: membership.view,
      part: membership.part,
      applied: state.applied,
      get digest() {
        return server.status().digest;
      },
    };
  }
}
