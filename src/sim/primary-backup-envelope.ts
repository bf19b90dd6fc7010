import type { ServerAddress } from '../primary-backup/names.js';
import type { View } from '../primary-backup/view.js';

/** The view as it stands at the view service. */
export interface ViewSeen {
  readonly view: View;
  readonly isAcknowledged: boolean;
  readonly isBackupReady: boolean;
}

/** A process that pinged, as it reached the view service. */
interface Heard {
  readonly process: string;
  readonly atMs: number;
}

/** Who holds the data of a view: by the address in the view, the process that had the data when it came to its place. */
interface Holders {
  readonly viewNumber: number;
  readonly processes: ReadonlyMap<ServerAddress, string>;
}

/**
 * Says from the outside, by pings that arrive and processes that end, whether a world is still inside the envelope of
 * primary/backup: no second holder of the data fails before a new view is acknowledged and its backup has the state. A
 * process has failed if it has ended, or if none of its pings arrived for so long that it may be taken for dead. What the
 * view service makes of that is not asked.
 */
export class PrimaryBackupEnvelope {
  readonly #silenceLimitMs: number;
  /** The last ping of each server. */
  readonly #heard = new Map<ServerAddress, Heard>();
  readonly #ended = new Set<string>();
  #holders: Holders = { viewNumber: 0, processes: new Map() };
  /** Holders that have failed since the view was last whole, with what became of each. */
  readonly #failed = new Map<string, string>();
  #left: string | undefined;

  /** @param silenceLimitMs silence that no view service takes for death before it has lasted so long */
  constructor(silenceLimitMs: number) {
    this.#silenceLimitMs = silenceLimitMs;
  }

  /** How the envelope was left; undefined while it is kept. */
  get left(): string | undefined {
    return this.#left;
  }

  /** A ping has arrived; to be called between two looks, at the view before it and at the view after it. */
  pinged(server: ServerAddress, heard: Heard): void {
    // What comes late from a process that is gone says nothing of the one that has its name now.
    if (!this.#ended.has(heard.process)) this.#heard.set(server, heard);
  }

  ended(process: string): void {
    this.#ended.add(process);
  }

  /** Takes in what has failed until now, the view being this. */
  look(seen: ViewSeen, nowMs: number): void {
    // Who was taken for dead is in the new view no more.
    this.#lookAtHolders(nowMs);
    this.#holders = this.#holdersOf(seen);
    this.#lookAtHolders(nowMs);
    if (this.isWhole(seen, nowMs)) this.#failed.clear();
  }

  /** Whether two processes hold the data of this view, and both are there. */
  isWhole({ view, isAcknowledged, isBackupReady }: ViewSeen, nowMs: number): boolean {
    const { viewNumber, processes } = this.#holders;
    if (!isAcknowledged || !isBackupReady || processes.size < 2 || viewNumber !== view.viewNumber)
      return false;
    return [...processes].every(([server, process]) => this.isThere(server, process, nowMs));
  }

  /** Whether this process has not failed. */
  isThere(server: ServerAddress, process: string, nowMs: number): boolean {
    return this.#failureOf(server, process, nowMs) === undefined;
  }

  #lookAtHolders(nowMs: number): void {
    const { viewNumber, processes } = this.#holders;
    for (const [server, process] of processes) {
      const failure = this.#failureOf(server, process, nowMs);
      if (failure === undefined || this.#failed.has(process)) continue;
      const [first] = this.#failed.values();
      if (first !== undefined) this.#left ??= `${first}, and then ${failure} in view ${viewNumber}`;
      this.#failed.set(process, failure);
    }
  }

  #holdersOf({ view, isBackupReady }: ViewSeen): Holders {
    const { viewNumber, primary, backup } = view;
    const known = this.#holders.processes;
    const processes = new Map<ServerAddress, string>();
    const add = (server: ServerAddress | undefined, isKnown: boolean) => {
      if (server === undefined) return;
      const process = (isKnown ? known.get(server) : undefined) ?? this.#heard.get(server)?.process;
      if (process !== undefined) processes.set(server, process);
    };
    // The data comes to a primary from the view before, to a backup within its view.
    add(primary, true);
    if (isBackupReady) add(backup, viewNumber === this.#holders.viewNumber);
    return { viewNumber, processes };
  }

  #failureOf(server: ServerAddress, process: string, nowMs: number): string | undefined {
    if (this.#ended.has(process)) return `${process} ended`;
    const heard = this.#heard.get(server);
    if (heard?.process === process && nowMs - heard.atMs <= this.#silenceLimitMs) return undefined;
    return `${process} was not heard`;
  }
}
