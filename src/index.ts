/** The package's only entry: the clerk, an embeddable replica, and the libraries of Paxos and OmniPaxos. */
export { Clerk, type ClerkOptions } from './clerk/connect.js';
export { ClerkError, type ClerkErrorKind, type EndpointFailure } from './clerk/clerk-error.js';
export type { CallLimits } from './clerk/attempts.js';
export { startReplica, type StartReplicaOptions } from './server/start-replica.js';
export type { RunningReplica } from './server/start-serving.js';
export { startPrimaryBackup, type StartPrimaryBackupOptions } from './server/start-primary-backup.js';
export {
  startViewService,
  type RunningViewService,
  type StartViewServiceOptions,
  type ViewReport,
} from './server/start-view-service.js';
export type { PeerStatus, ReplicaStatus, ViewStatus } from './server/status.js';
export { makePaxosPeer, type PaxosPeerOptions, type RunningPaxosPeer } from './server/start-paxos-peer.js';
export type { InstanceStatus, PaxosPeer } from './paxos/peer.js';
export {
  makeOmnipaxosPeer,
  type OmnipaxosPeerOptions,
  type RunningOmnipaxosPeer,
} from './server/start-omnipaxos-peer.js';
export type { Decision, DecisionsOptions } from './server/decisions.js';
export type { OmnipaxosPeer, ProposalOutcome } from './omnipaxos/peer.js';
export type { Leadership } from './omnipaxos/replica.js';
export { OptionsError, type MemberOption } from './server/members.js';
export { ListenError } from './rpc/server.js';
export type { Logger } from './runtime/logger.js';
export { version } from './server/version.js';
