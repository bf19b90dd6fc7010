/** The package's only entry. */
export { makePaxosPeer, type PaxosPeerOptions, type RunningPaxosPeer } from './server/start-paxos-peer.js';
export type { InstanceStatus, PaxosPeer } from './paxos/peer.js';
export { OptionsError, type MemberOption } from './server/members.js';
export { ListenError } from './rpc/server.js';
