import type { Hello as HelloMessage, HelloRequest, HelloResponse } from '../../gen/synod/peer/v1/peer.js';
import { headerFromWire, headerToWire } from '../log/header-wire.js';
import { incarnation, replicaId } from '../log/ids.js';
import type { Codec } from '../rpc/peer-method.js';
import type { Hello } from './hello.js';

const helloToWire = (hello: Hello): HelloMessage => ({
  reach: hello.reach,
  applied: hello.applied,
  engine: hello.engine,
  members: hello.members.map(({ id, address }) => ({ replicaId: id, address })),
  sessionParameters: { ...hello.sessionParameters },
  minimumStateVersion: hello.minimumStateVersion,
  maximumStateVersion: hello.maximumStateVersion,
  stateVersion: hello.stateVersion,
  checkpoint: hello.checkpoint && { ...hello.checkpoint, digest: Buffer.from(hello.checkpoint.digest) },
  pins: hello.pins.map(({ replica, ...pin }) => ({ replicaId: replica, ...pin })),
});

function helloFromWire(message: HelloMessage | undefined): Hello {
  if (message?.sessionParameters === undefined)
    throw new Error('the Hello is empty or has no session parameters');
  return {
    reach: message.reach,
    applied: message.applied,
    engine: message.engine,
    members: message.members.map((member) => ({ id: replicaId(member.replicaId), address: member.address })),
    sessionParameters: message.sessionParameters,
    minimumStateVersion: message.minimumStateVersion,
    maximumStateVersion: message.maximumStateVersion,
    stateVersion: message.stateVersion,
    checkpoint: message.checkpoint,
    pins: message.pins.map((pin) => ({
      replica: replicaId(pin.replicaId),
      incarnation: incarnation(pin.incarnation),
      earlierDurableLsn: pin.earlierDurableLsn,
      bootCounter: pin.bootCounter,
      durableLsn: pin.durableLsn,
    })),
  };
}

/** HelloRequest and HelloResponse have one shape. */
export const helloCodec: Codec<Hello, HelloRequest & HelloResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), hello: helloToWire(body) }),
  read: (message) => ({ header: headerFromWire(message.header), body: helloFromWire(message.hello) }),
};
