import type { Client, Server } from '@grpc/grpc-js';
import { PeerServiceService as definition } from '../../gen/synod/peer/v1/peer.js';
import type { ReplicaId } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import { peerCall, peerMethod, peerStream, peerStreamMethod } from '../rpc/peer-method.js';
import { strictly } from '../rpc/strict.js';
import type { Greeter } from './greeter.js';
import { helloCodec } from './hello-wire.js';
import type { HelloLink } from './hello.js';
import type { SnapshotSource } from './snapshot-source.js';
import type { SnapshotLink } from './snapshot-transfer.js';
import { pieceCodec, pullCodec } from './snapshot-wire.js';

/** Serves `synod.peer.v1.PeerService`. */
export function servePeer(server: Server, roster: Roster, greeter: Greeter, source: SnapshotSource): void {
  server.addService(strictly(definition), {
    hello: peerMethod(roster, helloCodec, helloCodec, (request) => greeter.handleHello(request)),
    pullSnapshot: peerStreamMethod(roster, pullCodec, pieceCodec, (request, signal) =>
      source.handlePull(request, signal),
    ),
  });
}

export function peerServiceLink(roster: Roster, peer: ReplicaId, channel: Client): HelloLink & SnapshotLink {
  return {
    hello: peerCall(roster, peer, channel, definition.hello, helloCodec, helloCodec),
    pullSnapshot: peerStream(roster, peer, channel, definition.pullSnapshot, pullCodec, pieceCodec),
  };
}
