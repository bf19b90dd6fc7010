import type { Client, Server } from '@grpc/grpc-js';
import { OmniPaxosPeerServiceService as definition } from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import type { Enveloped } from '../log/header.js';
import type { ReplicaId } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import type { OpenDuplex } from '../rpc/link.js';
import { peerDuplex, servePeerDuplex, withEncodedReplies, type AcceptDuplex } from '../rpc/peer-duplex.js';
import { strictly } from '../rpc/strict.js';
import type { Message } from './messages.js';
import { exchangeCodec } from './wire.js';

/** Messages that leave together, under one header. */
export type Exchange = Enveloped<readonly Message[]>;

/** The way to one peer. Each call opens a stream, which is a session. */
export interface OmnipaxosLink {
  readonly exchange: OpenDuplex<Exchange>;
}

/** Serves a replica as `synod.omnipaxos.v1.OmniPaxosPeerService`; `accept` is called for each stream that a peer opens. */
export function serveOmnipaxos(server: Server, roster: Roster, accept: AcceptDuplex<Exchange>): void {
  server.addService(strictly({ exchange: withEncodedReplies(definition.exchange) }), {
    exchange: servePeerDuplex(roster, definition.exchange, exchangeCodec, accept),
  });
}

/** The way to one peer over a channel. */
export const omnipaxosLink = (roster: Roster, peer: ReplicaId, channel: Client): OmnipaxosLink => ({
  exchange: peerDuplex(roster, peer, channel, definition.exchange, exchangeCodec),
});
