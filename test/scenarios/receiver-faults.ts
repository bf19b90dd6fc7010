import {
  ServerInterceptingCall,
  status,
  type Responder,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import type { Random } from '../../src/runtime/random.js';

/** What an unreliable receiver does with one RPC. */
export type Fate = 'normal' | 'discarded' | 'reply-suppressed';

/** Chance that an RPC is thrown away unexecuted. */
const discardChance = 0.1;
/** Chance that an RPC which was not discarded is executed and its reply thrown away. */
const suppressChance = 0.2;

/** Draws the fate of one RPC at an unreliable receiver. */
export function drawFate(random: Random): Fate {
  if (random.between(0, 1) < discardChance) return 'discarded';
  return random.between(0, 1) < suppressChance ? 'reply-suppressed' : 'normal';
}

/** What the caller sees in both bad cases; it cannot tell them apart. */
const failure = { code: status.UNAVAILABLE, details: 'lost by the fault model' };

/** gRPC's own services, health among them, are not part of what is tested. */
const isSubjectToFate = (path: string): boolean => !path.startsWith('/grpc.');

/**
 * What happens to the RPCs that arrive at one receiver. Fate is drawn here, per RPC, and only while the
 * receiver is unreliable; there is no delay and no reordering.
 */
export class ReceiverFaults {
  unreliable = false;
  /** Every RPC of these methods is discarded; named as in the service definition, `Accept` for one. */
  lostMethods: ReadonlySet<string> = new Set();
  #rpcCount = 0;

  constructor(private readonly random: Random) {}

  /** RPCs accepted so far: those whose reply was suppressed included, discarded ones not. */
  get rpcCount(): number {
    return this.#rpcCount;
  }

  readonly serverInterceptor: ServerInterceptor = (method, call) => {
    if (!isSubjectToFate(method.path)) return new ServerInterceptingCall(call);
    const fate = this.#fateOf(method.path);
    if (fate !== 'discarded') this.#rpcCount += 1;
    switch (fate) {
      case 'normal':
        return new ServerInterceptingCall(call);
      case 'discarded':
        return new ServerInterceptingCall(call, discard(call, method.requestStream));
      case 'reply-suppressed':
        return new ServerInterceptingCall(call, suppressReply(call));
    }
  };

  #fateOf(path: string): Fate {
    if (this.lostMethods.has(path.slice(path.lastIndexOf('/') + 1))) return 'discarded';
    return this.unreliable ? drawFate(this.random) : 'normal';
  }
}

/** Fails the call at the moment its handler would have run: a stream's at once, a unary one's after the request. */
const discard = (call: ServerInterceptingCallInterface, isStream: boolean): Responder => {
  const fail = () => call.sendStatus(failure);
  return { start: (next) => next(isStream ? { onReceiveMetadata: fail } : { onReceiveHalfClose: fail }) };
};

/** Lets the handler run and fails the call in place of its first answer. */
const suppressReply = (call: ServerInterceptingCallInterface): Responder => {
  let failed = false;
  const fail = () => {
    if (failed) return;
    failed = true;
    call.sendStatus(failure);
  };
  return { sendMetadata: () => undefined, sendMessage: fail, sendStatus: fail };
};
