import { defaultSessionParameters } from '../../src/kv/limits.js';
import { replicaId } from '../../src/log/ids.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom } from '../../src/runtime/random.js';
import type { DataDirectory } from '../../src/server/data-directory.js';
import { omnipaxosEngine, type OmnipaxosEngine } from '../../src/server/omnipaxos-engine.js';
import { Replica } from '../../src/server/replica.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { emptyDisk, linkToNobody, openOn, vote, wantedOf } from './data-directories.js';
import { FakeClock } from './fake-clock.js';
import { membersOf } from './rosters.js';
import type { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const { name: engine } = omnipaxosEngine;

export const openOmnipaxosOn = (disk: SimulatedDisk, memberCount = 3): Promise<DataDirectory> =>
  openOn(disk, { wanted: wantedOf(memberCount, { engine }) });

/** What a replica has written down of a slot that is decided, in a frame of one sector. */
export const decided = (slot: number): LogRecord[] => [vote(slot), logRecord('decided-through', { slot })];

/** Appends the decided slots from `first` to `last`, a frame for each. */
export async function addSlots({ log }: DataDirectory, first: number, last: number): Promise<void> {
  for (let slot = first; slot <= last; slot += 1) await log.append(decided(slot));
}

/** A directory that has been closed well, after `fill`. */
export async function diskAfter(
  fill: (directory: DataDirectory) => Promise<void>,
  memberCount = 3,
): Promise<SimulatedDisk> {
  const disk = emptyDisk();
  const directory = await openOmnipaxosOn(disk, memberCount);
  await fill(directory);
  await directory.log.close();
  return disk.image();
}

/** What a replica that has been opened knows before it has spoken to anyone. */
export interface Revived {
  readonly directory: DataDirectory;
  readonly applied: number | undefined;
  readonly floor: number;
  /** The first slot not held, and the first not known decided. */
  readonly acceptedEnd: number;
  readonly decidedEnd: number;
  readonly promised: string;
  /** Session ids issued, one for each slot of the state. */
  readonly sessionsOpened: number;
  /** What the engine says keeps it from voting. */
  readonly trouble: string;
}

/** Opens a replica on a disk, looks at it, and closes it again. */
export async function revived(
  disk: SimulatedDisk,
  { memberCount = 3, rebuild = false }: { readonly memberCount?: number; readonly rebuild?: boolean } = {},
): Promise<Revived> {
  const clock = new FakeClock();
  const directory = await openOn(disk, { clock, wanted: wantedOf(memberCount, { engine }) });
  const { hello, pullSnapshot } = linkToNobody;
  try {
    const replica: Replica<OmnipaxosEngine> = await Replica.open({
      members: membersOf(memberCount),
      me: replicaId(1),
      clusterId: directory.clusterId,
      incarnation: directory.directoryId,
      sessionParameters: defaultSessionParameters,
      directory,
      rebuild,
      logLimits: { slots: 100, bytes: 100_000 },
      reads: 'barrier',
      helloIntervalMs: 500,
      roundTimeoutMs: 1000,
      electionTimeoutMs: 100,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      engine: omnipaxosEngine,
      link: () => ({ exchange: unanswered, hello, pullSnapshot }),
      failed: () => undefined,
    });
    const { log, nextClientId } = replica.status();
    const { promised, acceptedEnd, decidedEnd } = replica.engine.peer.replica.log;
    await replica.close();
    return {
      directory,
      applied: log.applied,
      floor: log.floor,
      acceptedEnd,
      decidedEnd,
      promised: promised === undefined ? '' : `${promised.round}.${promised.replica}`,
      sessionsOpened: nextClientId - 1,
      trouble: replica.engine.trouble,
    };
  } finally {
    await directory.log.close().catch(() => undefined);
  }
}

const unanswered = () => ({ send: () => undefined, pendingBytes: 0, end: () => undefined });
