import type { Disk } from '../../src/storage/disk.js';
import type { StorageFailure } from '../../src/storage/errors.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { WriteAheadLog, type LogOptions, type RecoveredLog } from '../../src/storage/write-ahead-log.js';
import { FakeClock, turns } from './fake-clock.js';

export const clusterId = 'cluster-1';
export const directoryId = '00112233445566778899aabbccddeeff';

/** Small segments, no reserve: room for 27 sectors of frames, so that everything happens soon. */
export const smallSegmentBytes = 4096;

/** A log under test, with what it said to its owner. */
export interface TestedLog {
  readonly log: WriteAheadLog;
  readonly recovered: RecoveredLog | undefined;
  readonly clock: FakeClock;
  readonly failures: readonly StorageFailure[];
  readonly space: readonly boolean[];
  readonly trace: readonly string[];
}

type Manner = Partial<LogOptions>;

function world(disk: Disk, manner: Manner) {
  const clock = new FakeClock();
  const failures: StorageFailure[] = [];
  const space: boolean[] = [];
  const trace: string[] = [];
  const options: LogOptions = {
    disk,
    clock,
    clusterId,
    directoryId,
    segmentBytes: smallSegmentBytes,
    reserveSegments: 0,
    fatal: (failure) => failures.push(failure),
    onSpace: (hasSpace) => space.push(hasSpace),
    trace: (event) => trace.push(event),
    ...manner,
  };
  return { options, clock, failures, space, trace };
}

export async function createdLog(disk: Disk, manner: Manner = {}): Promise<TestedLog> {
  const { options, ...said } = world(disk, manner);
  return { log: await WriteAheadLog.create(options), recovered: undefined, ...said };
}

export async function recoveredLog(
  disk: Disk,
  manner: Manner = {},
): Promise<TestedLog & { readonly recovered: RecoveredLog }> {
  const { options, ...said } = world(disk, manner);
  return { ...(await WriteAheadLog.recover(options)), ...said };
}

/** What the log of a directory holds; the log is closed again. */
export async function recordsOf(disk: Disk): Promise<RecoveredLog> {
  const { log, recovered } = await recoveredLog(disk);
  await log.close();
  return recovered;
}

/** A vote for a slot, with a value of `bytes` bytes that differ from slot to slot; none of them is zero. */
export const vote = (slot: number, bytes = 100): LogRecord =>
  logRecord('vote', {
    slot,
    round: slot + 1,
    replica: 2,
    payload: new Uint8Array(bytes).fill((slot % 255) + 1),
  });

export const votes = (from: number, to: number, bytes?: number): LogRecord[] =>
  Array.from({ length: to - from + 1 }, (_, index) => vote(from + index, bytes));

/** Records as text, which is quicker to compare and shorter to read. */
export const asText = (records: readonly LogRecord[]): string[] =>
  records.map(({ kind, group, slot, round, replica, payload }) =>
    [kind, group, slot, round, replica, Buffer.from(payload).toString('hex')].join(' '),
  );

/** Lets all that needs no time on the clock come to an end. */
export async function settled(rounds = 50): Promise<void> {
  for (let round = 0; round < rounds; round += 1) await turns();
}

/** What a promise has come to. */
export function watched(promise: Promise<void>): { state: 'waiting' | 'synced' | Error } {
  const seen: { state: 'waiting' | 'synced' | Error } = { state: 'waiting' };
  promise.then(
    () => (seen.state = 'synced'),
    (error: unknown) => (seen.state = error as Error),
  );
  return seen;
}
