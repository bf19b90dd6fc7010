import type { Client, Server } from '@grpc/grpc-js';
import { PaxosPeerServiceService as definition } from '../../gen/synod/paxos/v1/paxos.js';
import type { ReplicaId } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import { peerCall, peerMethod } from '../rpc/peer-method.js';
import { strictly } from '../rpc/strict.js';
import type { PaxosLink } from './messages.js';
import type { PaxosPeer } from './peer.js';
import {
  acceptCodec,
  acceptReplyCodec,
  decideCodec,
  decideReplyCodec,
  learnCodec,
  learnReplyCodec,
  prepareCodec,
  prepareReplyCodec,
  reachCodec,
  reachReplyCodec,
} from './wire.js';

/** Serves a peer as `synod.paxos.v1.PaxosPeerService`. */
export function servePaxosPeer(server: Server, peer: PaxosPeer): void {
  const { roster } = peer;
  server.addService(strictly(definition), {
    prepare: peerMethod(roster, prepareCodec, prepareReplyCodec, (request) => peer.handlePrepare(request)),
    accept: peerMethod(roster, acceptCodec, acceptReplyCodec, (request) => peer.handleAccept(request)),
    decide: peerMethod(roster, decideCodec, decideReplyCodec, (request) => peer.handleDecide(request)),
    learn: peerMethod(roster, learnCodec, learnReplyCodec, (request) => peer.handleLearn(request)),
    reach: peerMethod(roster, reachCodec, reachReplyCodec, (request) => peer.handleReach(request)),
  });
}

/** The way to one peer over a channel. */
export function paxosLink(roster: Roster, peer: ReplicaId, channel: Client): PaxosLink {
  return {
    prepare: peerCall(roster, peer, channel, definition.prepare, prepareCodec, prepareReplyCodec),
    accept: peerCall(roster, peer, channel, definition.accept, acceptCodec, acceptReplyCodec),
    decide: peerCall(roster, peer, channel, definition.decide, decideCodec, decideReplyCodec),
    learn: peerCall(roster, peer, channel, definition.learn, learnCodec, learnReplyCodec),
    reach: peerCall(roster, peer, channel, definition.reach, reachCodec, reachReplyCodec),
  };
}
