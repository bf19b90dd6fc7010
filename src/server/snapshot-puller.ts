import type { ReplicaId, Slot } from '../log/ids.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import type { Roster } from '../log/roster.js';
import { checkChunk, type Chunk } from '../log/snapshot-chunks.js';
import type { PortableState, SnapshotBuilder } from '../log/state-machine.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { NoSpaceError } from '../storage/disk.js';
import type { SnapshotFileWriter, SnapshotFiles } from '../storage/snapshot-files.js';
import type { SnapshotLink } from './snapshot-transfer.js';

/** How long a transfer may stand still before it is taken for broken. */
const stallLimitMs = 5000;
/** Waits between attempts: the first, and the longest. */
const firstBackoffMs = 100;
const backoffLimitMs = 2000;

export interface SnapshotPullerOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, SnapshotLink>;
  readonly state: PortableState;
  readonly log: Pick<ReplicatedLog<unknown>, 'applied' | 'install'>;
  /** Undefined in memory, where what is installed is not kept. */
  readonly snapshots: SnapshotFiles | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes room on a full disk (rule R15). */
  readonly releaseReserve?: () => Promise<void>;
  /** A snapshot is durable and installed. */
  readonly installed: (through: Slot) => Promise<void>;
  /** The disk or an invariant failed: this replica must stop. */
  readonly failed: (error: unknown) => void;
}

/** A transfer that is under way: what has come of one snapshot. */
interface Download {
  readonly through: Slot;
  readonly builder: SnapshotBuilder;
  readonly writer: SnapshotFileWriter | undefined;
  nextChunk: number;
}

/** The disk failed, not the transfer. */
class LocalFailure extends Error {
  constructor(cause: unknown) {
    super('a snapshot could not be kept', { cause });
  }
}

/** What has come of a snapshot is of no use: it is wrong, or there is no room for it. */
class Unusable extends Error {}
class NoRoom extends Unusable {}

/**
 * Brings in the whole state from a peer when the log that is missing here is held nowhere any more (rule R12): pulled in
 * pieces beside the state that serves, checked, written to disk, and put in its place in one turn. A transfer that breaks
 * goes on where it stopped, or begins anew if its owner has moved on.
 */
export class SnapshotPuller {
  readonly #options: SnapshotPullerOptions;
  readonly #closing = new AbortController();
  #wanted: Slot | undefined;
  #running = false;
  #work: Promise<void> = Promise.resolve();

  constructor(options: SnapshotPullerOptions) {
    this.#options = options;
  }

  get pulling(): boolean {
    return this.#running;
  }

  /** Everything up to `through` is needed, and the log below it is gone at some peer; `peer` is asked first, if given. */
  need(through: Slot, peer?: ReplicaId): void {
    this.#wanted = Math.max(this.#wanted ?? through, through);
    if (!this.#running && !this.#closing.signal.aborted) this.#work = this.#run(peer);
  }

  /** Resolves when nothing is being written any more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#work;
  }

  async #run(first: ReplicaId | undefined): Promise<void> {
    const { roster, clock, failed } = this.#options;
    this.#running = true;
    const peers = [...(first === undefined ? [] : [first]), ...roster.peers.filter((peer) => peer !== first)];
    let backoffMs = firstBackoffMs;
    let download: Download | undefined;
    try {
      for (let turn = 0; this.#isNeeded() && peers.length > 0; turn += 1) {
        const peer = peers[turn % peers.length];
        if (peer !== undefined) download = await this.#pullFrom(peer, download);
        if (!this.#isNeeded()) break;
        await clock.sleep(backoffMs, this.#closing.signal);
        backoffMs = Math.min(2 * backoffMs, backoffLimitMs);
      }
    } catch (error) {
      failed(error instanceof LocalFailure ? error.cause : error);
    } finally {
      await download?.writer?.abandon().catch(() => undefined);
      this.#running = false;
    }
  }

  #isNeeded(): boolean {
    const { log } = this.#options;
    return !this.#closing.signal.aborted && this.#wanted !== undefined && (log.applied ?? -1) < this.#wanted;
  }

  /** Pulls until the snapshot is in or the transfer breaks; answers what has come of it, for the next attempt. */
  async #pullFrom(peer: ReplicaId, before: Download | undefined): Promise<Download | undefined> {
    const { roster, links, logger, clock } = this.#options;
    const link = links.get(peer);
    if (link === undefined) return before;
    let download = before;
    const stalled = new AbortController();
    const stop = () => stalled.abort();
    this.#closing.signal.addEventListener('abort', stop, { once: true });
    let timer = clock.timer(stallLimitMs, stop);
    try {
      const request = { through: download?.through, firstChunk: download?.nextChunk ?? 0 };
      const pieces = link.pullSnapshot(roster.envelope(peer, request), { signal: stalled.signal });
      for await (const { header, body } of pieces) {
        roster.admit(header);
        timer.cancel();
        timer = clock.timer(stallLimitMs, stop);
        if (download?.through !== body.through) {
          await download?.writer?.abandon();
          download = await this.#begin(body.through);
        }
        await this.#take(download, body.chunk);
        if (body.chunk.last) {
          await this.#finish(download);
          return undefined;
        }
      }
    } catch (error) {
      if (error instanceof LocalFailure) throw error;
      logger.warn('a snapshot transfer broke', { peer, chunk: download?.nextChunk ?? 0, why: String(error) });
      if (error instanceof Unusable) {
        await download?.writer?.abandon();
        if (error instanceof NoRoom) await locally(this.#options.releaseReserve?.());
        return undefined;
      }
    } finally {
      timer.cancel();
      this.#closing.signal.removeEventListener('abort', stop);
    }
    return download;
  }

  async #take(download: Download, chunk: Chunk): Promise<void> {
    checkChunk(chunk, download.nextChunk);
    usable(() => download.builder.take(chunk.content));
    await locally(download.writer?.write(chunk.content));
    download.nextChunk += 1;
  }

  async #begin(through: Slot): Promise<Download> {
    const { state, snapshots, logger } = this.#options;
    logger.info('a snapshot is pulled', { through });
    const writer = await locally(snapshots?.begin(through));
    return { through, builder: state.builder(), writer, nextChunk: 0 };
  }

  async #finish({ through, builder, writer }: Download): Promise<void> {
    const { log, logger, snapshots, installed } = this.#options;
    const built = usable(() => builder.finish());
    if (built.through !== through)
      throw new Unusable(`a snapshot of slot ${through} says ${built.through ?? 'none'}`);
    if (through <= (log.applied ?? -1)) {
      await writer?.abandon();
      return;
    }
    await locally(writer?.commit());
    await locally(log.install(through, () => builder.install()));
    await locally(snapshots?.removeOlder(through));
    await locally(installed(through));
    logger.info('a snapshot is installed', { through });
  }
}

/** Marks a failure as ours; a full disk is none, since there may be room later. */
async function locally<Value>(work: Promise<Value> | undefined): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof NoSpaceError ? new NoRoom(error.message) : new LocalFailure(error);
  }
}

/** Marks a snapshot that cannot be taken in. */
function usable<Value>(work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    throw new Unusable(error instanceof Error ? error.message : String(error));
  }
}
