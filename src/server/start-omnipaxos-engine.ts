import type { RecoveredOmnipaxos } from '../omnipaxos/recovery.js';
import { omnipaxosLink, serveOmnipaxos, type OmnipaxosLink } from '../omnipaxos/service.js';
import { omnipaxosEngine, type OmnipaxosEngine } from './omnipaxos-engine.js';
import type { EngineOverGrpc } from './start-engines.js';

export const omnipaxosOverGrpc: EngineOverGrpc<OmnipaxosLink, RecoveredOmnipaxos, OmnipaxosEngine> = {
  kind: omnipaxosEngine,
  serviceNames: ['synod.omnipaxos.v1.OmniPaxosPeerService'],
  serve: (server, { peer }) => serveOmnipaxos(server, peer.roster, (stream) => peer.accept(stream)),
  link: omnipaxosLink,
};
