import type { Client, Server } from '@grpc/grpc-js';
import { PeerServiceService as definition } from '../../gen/synod/peer/v1/peer.js';
import type { ReplicaId } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import { peerCall, peerMethod } from '../rpc/peer-method.js';
import { strictly } from '../rpc/strict.js';
import type { Greeter } from './greeter.js';
import { helloCodec } from './hello-wire.js';
import type { HelloLink } from './hello.js';

/** Serves `synod.peer.v1.PeerService`. */
export function servePeer(server: Server, roster: Roster, greeter: Greeter): void {
  server.addService(strictly(definition), {
    hello: peerMethod(roster, helloCodec, helloCodec, (request) => greeter.handleHello(request)),
  });
}

export function helloLink(roster: Roster, peer: ReplicaId, channel: Client): HelloLink {
  return { hello: peerCall(roster, peer, channel, definition.hello, helloCodec, helloCodec) };
}
