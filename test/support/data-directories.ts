import { encodeCommand } from '../../src/kv/command.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { encodeBatch } from '../../src/log/wire.js';
import type { PaxosLink } from '../../src/paxos/messages.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom } from '../../src/runtime/random.js';
import {
  openDataDirectory,
  type DataDirectory,
  type DirectoryOptions,
} from '../../src/server/data-directory.js';
import type { WantedIdentity } from '../../src/server/identity.js';
import { paxosEngine, type PaxosEngine } from '../../src/server/paxos-engine.js';
import { Replica } from '../../src/server/replica.js';
import type { ReplicaLink } from '../../src/server/replica-options.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { FakeClock } from './fake-clock.js';
import { membersOf } from './rosters.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

/** Room for 31 frames of one sector, so that a test's log stays in one segment. */
export const segmentBytes = 16 * 1024;

let births = 0;

export const emptyDisk = (): SimulatedDisk => new SimulatedDisk(seededRandom(1));

/** Replica 1 of so many. */
export const wantedOf = (memberCount = 3, changes: Partial<WantedIdentity> = {}): WantedIdentity => ({
  engine: paxosEngine.name,
  members: membersOf(memberCount),
  sessionParameters: defaultSessionParameters,
  replica: replicaId(1),
  clusterId: undefined,
  ...changes,
});

export function openOn(disk: SimulatedDisk, changes: Partial<DirectoryOptions> = {}): Promise<DataDirectory> {
  births += 1;
  return openDataDirectory({
    disk,
    clock: new FakeClock(),
    random: seededRandom(births),
    wanted: wantedOf(),
    clusterIdAtBirth: 'derived',
    segmentBytes,
    fatal: () => undefined,
    ...changes,
  });
}

/** A batch that opens a session, so that every slot changes the state. */
const valueOf = (slot: number): Uint8Array =>
  encodeBatch({
    origin: replicaId(2),
    incarnation: incarnation('elsewhere'),
    number: slot,
    commands: [encodeCommand({ kind: 'open-session' })],
  });

export const vote = (slot: number): LogRecord =>
  logRecord('vote', { slot, round: 1, replica: 2, payload: valueOf(slot) });

/** What an acceptor has written down of a slot that is decided, in a frame of one sector. */
export const decided = (slot: number): LogRecord[] => [
  vote(slot),
  logRecord('decided', { slot, round: 1, replica: 2 }),
];

/** The state after so many slots of this kind. */
export function stateThrough(slot: number): KeyValueStateMachine {
  const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  for (let next = 0; next <= slot; next += 1) state.apply(next, [encodeCommand({ kind: 'open-session' })]);
  return state;
}

export async function addSnapshot({ snapshots }: DataDirectory, through: number): Promise<void> {
  const writer = await snapshots.begin(through);
  for (const chunk of stateThrough(through).snapshot().chunks()) await writer.write(chunk);
  await writer.commit();
}

export const floorRecord = (floor: number): LogRecord => logRecord('floor', { slot: floor });

/** Appends the decided slots from `first` to `last`, a frame for each. */
export async function addSlots({ log }: DataDirectory, first: number, last: number): Promise<void> {
  for (let slot = first; slot <= last; slot += 1) await log.append(decided(slot));
}

/** A directory that has been closed well, after `fill`. */
export async function diskAfter(fill: (directory: DataDirectory) => Promise<void>): Promise<SimulatedDisk> {
  const disk = emptyDisk();
  const directory = await openOn(disk);
  await fill(directory);
  await directory.log.close();
  return disk.image();
}

const unreachable = () => Promise.reject(new Error('nobody is there'));

export const linkToNobody: ReplicaLink<PaxosLink> = {
  prepare: unreachable,
  accept: unreachable,
  decide: unreachable,
  learn: unreachable,
  reach: unreachable,
  hello: unreachable,
  pullSnapshot: () => ({ [Symbol.asyncIterator]: () => ({ next: unreachable }) }),
};

/** What a replica that has been opened knows before it has spoken to anyone. */
export interface Revived {
  readonly replica: Replica<PaxosEngine>;
  readonly directory: DataDirectory;
  readonly applied: number | undefined;
  readonly floor: number;
  /** Session ids issued, one for each slot of the state. */
  readonly sessionsOpened: number;
  readonly trouble: string;
}

/** Opens a replica on a disk, looks at it, and closes it again. */
export async function revived(
  disk: SimulatedDisk,
  manner: { readonly memberCount?: number; readonly rebuild?: boolean } = {},
): Promise<Revived> {
  const { memberCount = 3, rebuild = false } = manner;
  const clock = new FakeClock();
  const directory = await openOn(disk, { clock, wanted: wantedOf(memberCount) });
  try {
    const replica = await Replica.open({
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
      engine: paxosEngine,
      link: () => linkToNobody,
      failed: () => undefined,
    });
    const { log, nextClientId, trouble } = replica.status();
    await replica.close();
    return {
      replica,
      directory,
      applied: log.applied,
      floor: log.floor,
      sessionsOpened: nextClientId - 1,
      trouble,
    };
  } finally {
    await directory.log.close().catch(() => undefined);
  }
}
