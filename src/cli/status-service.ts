import {
  InspectServiceService as definition,
  type GetStatusResponse,
  type Leader as LeaderMessage,
  type Peer as PeerMessage,
  type Storage as StorageMessage,
  type View as ViewMessage,
} from '../../gen/synod/inspect/v1/inspect.js';
import { parseAddress } from '../rpc/address.js';
import { openChannel, unaryCall } from '../rpc/channel.js';
import type { CallOptions } from '../rpc/link.js';
import { problemText } from './problem-text.js';
import type {
  EndpointStatus,
  LeaderReport,
  PeerReport,
  ReplicaReport,
  ServerViewReport,
  StorageReport,
} from './status-report.js';

const peerFromWire = (peer: PeerMessage): PeerReport => ({
  id: peer.replicaId,
  address: peer.address,
  incarnation: peer.incarnation === '' ? null : peer.incarnation,
  doneThrough: peer.doneThrough ?? null,
  reach: peer.reach ?? null,
  applied: peer.applied ?? null,
  lastHeardMsAgo: peer.lastHeardMsAgo ?? null,
  refusal: peer.refusal,
});

const storageFromWire = (storage: StorageMessage): StorageReport => ({
  bootCounter: storage.bootCounter,
  durableLsn: storage.durableLsn,
  logBytes: storage.logBytes,
  snapshotThrough: storage.snapshotThrough ?? null,
  snapshotBytes: storage.snapshotBytes,
  hasSpace: storage.hasSpace,
});

const leaderFromWire = ({ replicaId, ...leader }: LeaderMessage): LeaderReport => ({
  id: replicaId ?? null,
  ...leader,
});

const viewFromWire = ({ primary, backup, ...view }: ViewMessage): ServerViewReport => ({
  viewService: view.viewService,
  viewNumber: view.viewNumber,
  primary: primary === '' ? null : primary,
  backup: backup === '' ? null : backup,
  acknowledged: view.acknowledged,
  role: view.role,
});

const reportFromWire = (status: GetStatusResponse): ReplicaReport => ({
  id: status.replicaId,
  address: status.address,
  serving: status.serving,
  engine: status.engine,
  clusterId: status.clusterId,
  incarnation: status.incarnation,
  version: status.version,
  min: status.slots?.min ?? 0,
  max: status.slots?.max ?? null,
  applied: status.slots?.applied ?? null,
  floor: status.slots?.floor ?? 0,
  held: status.slots?.held ?? 0,
  sessions: status.sessions?.open ?? 0,
  repliesBytes: status.sessions?.repliesBytes ?? 0,
  nextClientId: status.sessions?.nextClientId ?? 0,
  queuedCommands: status.queue?.commands ?? 0,
  queuedBytes: status.queue?.bytes ?? 0,
  keys: status.keyCount,
  stateVersion: status.stateVersion,
  peers: status.peers.map(peerFromWire),
  refusals: {
    garbled: status.refusals?.garbled ?? 0,
    wrongCluster: status.refusals?.wrongCluster ?? 0,
    wrongReceiver: status.refusals?.wrongReceiver ?? 0,
    unknownSender: status.refusals?.unknownSender ?? 0,
    changedIncarnation: status.refusals?.changedIncarnation ?? 0,
    differentIdentity: status.refusals?.differentIdentity ?? 0,
  },
  storage: status.storage === undefined ? null : storageFromWire(status.storage),
  agreedCheckpoint: status.agreedCheckpoint ?? null,
  trouble: status.trouble,
  leader: status.leader === undefined ? null : leaderFromWire(status.leader),
  view: status.view === undefined ? null : viewFromWire(status.view),
  digest: status.digest,
});

/** Asks one endpoint how it stands, as often as needed. */
export class StatusClient {
  readonly #channel;
  readonly #getStatus;

  constructor(readonly endpoint: string) {
    this.#channel = openChannel(parseAddress(endpoint), { between: 'client-and-replica' });
    this.#getStatus = unaryCall(this.#channel, definition.getStatus);
  }

  /** Never rejects: an endpoint that does not answer is an answer too. */
  async ask(options: CallOptions): Promise<EndpointStatus> {
    const { endpoint } = this;
    try {
      return { endpoint, reachable: true, ...reportFromWire(await this.#getStatus({}, options)) };
    } catch (error) {
      const problem = problemText(error instanceof Error ? error.message : String(error));
      return { endpoint, reachable: false, problem };
    }
  }

  close(): void {
    this.#channel.close();
  }
}
