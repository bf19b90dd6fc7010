import type { Incarnation, ReplicaId } from '../log/ids.js';
import type { RecordedPeers, Roster } from '../log/roster.js';
import { memoryJournal, type Journal } from '../storage/journal.js';
import type { LogRecord } from '../storage/log-record.js';
import type { DataDirectory } from './data-directory.js';
import { pinRecord, recordedPeers, RosterRecords } from './roster-records.js';
import type { KeeperStorage } from './snapshot-keeper.js';

/** Where the engine's records go. */
export const engineJournal = (directory: DataDirectory | undefined): Journal<LogRecord> =>
  directory?.log ?? memoryJournal();

/** Lets what the roster learns of the peers ride in the log's frames. */
export function followRoster({ log }: DataDirectory, roster: Roster): RosterRecords {
  const records = new RosterRecords(roster);
  log.riders = () => records.changed();
  return records;
}

/** What a durable replica keeps beside its engine's records: whom it knows, how far they are, and that it is known. */
export class Persistence {
  readonly #directory: DataDirectory;
  readonly #roster: Roster;
  readonly #rosterRecords: RosterRecords;
  #isShown: boolean;

  constructor(directory: DataDirectory, roster: Roster) {
    this.#directory = directory;
    this.#roster = roster;
    this.#rosterRecords = followRoster(directory, roster);
    this.#isShown = Persistence.recorded(directory).pins.some(({ replica }) => replica === roster.me);
  }

  /** Whether it is durable that a majority of the others knows this directory. */
  get isShown(): boolean {
    return this.#isShown;
  }

  /** What the directory has on record of the members. */
  static recorded(directory: DataDirectory): RecordedPeers {
    return recordedPeers(directory.recovered.records);
  }

  /** Resolves when the peer's incarnation is durable here. */
  recordPin(replica: ReplicaId, incarnation: Incarnation): Promise<void> {
    // On a full disk it waits; the peer is answered later, and this replica goes on.
    return this.#directory.log.appendLazily([pinRecord({ replica, incarnation })]);
  }

  /** Resolves when it is durable that a majority of the others knows this directory; it need not be shown again. */
  async recordOwnPin(): Promise<void> {
    if (this.#isShown) return;
    await this.#directory.log.appendLazily([pinRecord(this.#own)]);
    this.#isShown = true;
  }

  /** @param liveRecords what the engine must say again before segments go; undefined while none may go */
  keeperStorage(liveRecords: () => readonly LogRecord[] | undefined): KeeperStorage {
    const { log, snapshots, recovered } = this.#directory;
    return {
      log,
      snapshots,
      recoveredBytes: recovered.records.reduce((sum, { payload }) => sum + payload.length, 0),
      live: () => {
        const engineRecords = liveRecords();
        if (engineRecords === undefined) return undefined;
        return [...this.#rosterRecords.all(this.#isShown ? this.#own : undefined), ...engineRecords];
      },
    };
  }

  get #own() {
    return { replica: this.#roster.me, incarnation: this.#roster.incarnation };
  }
}
