import type { PaxosLink } from '../paxos/messages.js';
import type { RecoveredPaxos } from '../paxos/recovery.js';
import { paxosLink, servePaxosPeer } from '../paxos/service.js';
import { paxosEngine, type PaxosEngine } from './paxos-engine.js';
import type { EngineOverGrpc } from './start-engines.js';

export const paxosOverGrpc: EngineOverGrpc<PaxosLink, RecoveredPaxos, PaxosEngine> = {
  kind: paxosEngine,
  serviceNames: ['synod.paxos.v1.PaxosPeerService'],
  serve: (server, { peer }) => servePaxosPeer(server, peer),
  link: paxosLink,
};
