import type { Server } from '@grpc/grpc-js';
import {
  InspectServiceService as definition,
  type GetStatusResponse,
  type Leader as LeaderMessage,
  type Peer as PeerMessage,
  type View as ViewMessage,
} from '../../gen/synod/inspect/v1/inspect.js';
import { unary } from '../rpc/handlers.js';
import { strictly } from '../rpc/strict.js';
import type { LeaderStatus } from './engine.js';
import type { PeerStatus, ReplicaStatus, ViewStatus } from './status.js';

const peerToWire = (peer: PeerStatus): PeerMessage => ({
  replicaId: peer.id,
  address: peer.address,
  incarnation: peer.incarnation ?? '',
  doneThrough: peer.doneThrough,
  reach: peer.reach,
  applied: peer.applied,
  lastHeardMsAgo: peer.lastHeardMsAgo === undefined ? undefined : Math.round(peer.lastHeardMsAgo),
  refusal: peer.refusal,
});

const leaderToWire = ({ replica, ballot, phase, ...lateness }: LeaderStatus): LeaderMessage => ({
  replicaId: replica,
  ballot,
  phase,
  lateHeartbeats: lateness.lateHeartbeats,
  longestStallMs: Math.round(lateness.longestStallMs),
});

const viewToWire = ({ primary, backup, isAcknowledged, ...view }: ViewStatus): ViewMessage => ({
  ...view,
  primary: primary ?? '',
  backup: backup ?? '',
  acknowledged: isAcknowledged,
});

const statusToWire = (status: ReplicaStatus, version: string): GetStatusResponse => {
  const refused = (cause: Parameters<typeof status.refusals.get>[0]) => status.refusals.get(cause) ?? 0;
  const { log } = status;
  return {
    replicaId: status.id,
    address: status.address,
    engine: status.engine,
    clusterId: status.clusterId,
    incarnation: status.incarnation,
    version,
    serving: status.serving,
    slots: { min: log.min, max: log.max, applied: log.applied, floor: log.floor, held: log.held },
    sessions: {
      open: status.openSessions,
      repliesBytes: status.repliesBytes,
      nextClientId: status.nextClientId,
    },
    queue: { commands: log.queuedCommands, bytes: log.queuedBytes },
    keyCount: status.keyCount,
    stateVersion: status.stateVersion,
    peers: status.peers.map(peerToWire),
    instances: [...log.open],
    refusals: {
      garbled: refused('garbled'),
      wrongCluster: refused('wrong-cluster'),
      wrongReceiver: refused('wrong-receiver'),
      unknownSender: refused('unknown-sender'),
      changedIncarnation: refused('changed-incarnation'),
      differentIdentity: refused('different-identity'),
    },
    storage: status.storage,
    agreedCheckpoint: status.agreedCheckpoint,
    trouble: status.trouble,
    leader: status.leader && leaderToWire(status.leader),
    digest: status.digest,
    view: status.view && viewToWire(status.view),
  };
};

/** Serves `synod.inspect.v1.InspectService`, from local state alone. */
export function serveInspect(server: Server, status: () => ReplicaStatus, version: string): void {
  server.addService(strictly(definition), {
    getStatus: unary(() => Promise.resolve(statusToWire(status(), version))),
  });
}
