import type { PaxosRecord } from '../../src/paxos/messages.js';
import { paxosRecordToLog } from '../../src/paxos/records.js';
import { recoverPaxos, type RecoveredPaxos } from '../../src/paxos/recovery.js';
import { foldHardState, initialHardState } from '../../src/storage/hard-state.js';
import type { Journal } from '../../src/storage/journal.js';
import type { LogRecord } from '../../src/storage/log-record.js';

interface Waiting {
  readonly records: readonly LogRecord[];
  readonly resolve: () => void;
}

/** A journal of Paxos records that syncs when the test says so; a crash leaves what was synced and nothing else. */
export class CrashingJournal implements Journal<PaxosRecord> {
  hasSpace = true;
  /** What is on disk, in order. */
  disk: LogRecord[] = [];
  #waiting: Waiting[] = [];
  #hardState = initialHardState;

  append(records: readonly PaxosRecord[]): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ records: records.map(paxosRecordToLog), resolve }));
  }

  appendLazily(records: readonly PaxosRecord[]): Promise<void> {
    return this.append(records);
  }

  /** Syncs the oldest `count` appends that wait. */
  sync(count = Infinity): void {
    for (const { records, resolve } of this.#waiting.splice(0, count)) {
      this.disk.push(...records);
      this.#hardState = records.reduce(foldHardState, this.#hardState);
      resolve();
    }
  }

  /** What the next process finds; this one's appends never resolve any more. */
  crash(): RecoveredPaxos {
    this.#waiting = [];
    return recoverPaxos(this.disk, this.#hardState, undefined, undefined);
  }

  /** As the log drops its oldest segments: the first half goes if it has no vote or decision at or above `slot`. */
  dropBelow(slot: number): void {
    const half = Math.ceil(this.disk.length / 2);
    const first = this.disk.slice(0, half);
    const isBound = ({ kind, slot: at }: LogRecord) => (kind === 'vote' || kind === 'decided') && at >= slot;
    if (!first.some(isBound)) this.disk = this.disk.slice(half);
  }
}
