import type { KeyValueStateMachine } from '../kv/state-machine.js';
import type { ReplicaId } from '../log/ids.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import type { Roster } from '../log/roster.js';
import type { DataDirectory } from './data-directory.js';
import type { EngineName, LeaderStatus } from './engine.js';
import type { Greeter } from './greeter.js';
import type { Checkpoint } from './hello.js';
import type { PeerStatus, ReplicaStatus, StorageStatus } from './status.js';

/** What a status is drawn from. */
export interface StatusSources {
  readonly roster: Roster;
  readonly state: KeyValueStateMachine;
  readonly engine: EngineName;
  readonly leader: LeaderStatus | undefined;
  readonly log: Pick<ReplicatedLog<unknown>, 'reach' | 'applied' | 'status'>;
  readonly greeter: Pick<Greeter, 'lastHello'>;
  readonly serving: boolean;
  readonly directory: DataDirectory | undefined;
  readonly agreed: Checkpoint | undefined;
  readonly trouble: string;
}

/** How one replica stands, from local state alone. */
export function replicaStatus(sources: StatusSources): ReplicaStatus {
  const { roster, state, log, directory, agreed } = sources;
  return {
    id: roster.me,
    address: roster.addressOf(roster.me),
    engine: sources.engine,
    clusterId: roster.clusterId,
    incarnation: roster.incarnation,
    serving: sources.serving,
    log: log.status(),
    leader: sources.leader,
    openSessions: state.sessions.size,
    repliesBytes: state.sessions.repliesBytes,
    nextClientId: state.sessions.nextClientId,
    keyCount: state.store.size,
    stateVersion: state.stateVersion,
    peers: roster.members.map(({ id, address }) => peerStatus(sources, id, address)),
    refusals: roster.refusals,
    storage: directory && storageStatus(directory),
    agreedCheckpoint: agreed && { slot: agreed.slot, digest: Buffer.from(agreed.digest).toString('hex') },
    trouble: sources.trouble,
    digest: Buffer.from(state.digest()).toString('hex'),
    view: undefined,
  };
}

function storageStatus({ log, snapshots }: DataDirectory): StorageStatus {
  const [newest] = snapshots.list();
  return {
    bootCounter: log.bootCounter,
    durableLsn: log.durableLsn,
    logBytes: log.bytes,
    snapshotThrough: newest?.through,
    snapshotBytes: newest?.bytes ?? 0,
    hasSpace: log.hasSpace,
  };
}

function peerStatus({ roster, log, greeter }: StatusSources, id: ReplicaId, address: string): PeerStatus {
  const self = id === roster.me;
  const peer = roster.peer(id);
  const hello = greeter.lastHello(id);
  return {
    id,
    address,
    incarnation: self ? roster.incarnation : peer.incarnation,
    doneThrough: roster.done.throughOf(id),
    reach: self ? log.reach : hello?.reach,
    applied: self ? log.applied : hello?.applied,
    lastHeardMsAgo: peer.heardMsAgo,
    refusal: peer.refusal,
  };
}
