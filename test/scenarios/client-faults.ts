import { ServerInterceptingCall, status, type ServerInterceptor } from '@grpc/grpc-js';
import type { Random } from '../../src/runtime/random.js';
import { ownStream } from './random-choices.js';

/** The delay of a call to an unreliable server is drawn below this. */
const delayBoundMs = 27;
/** One request in so many is lost on the way to an unreliable server, and one reply on the way back. */
const lossOneIn = 10;

const lost = { code: status.UNAVAILABLE, details: 'lost by the fault model' };

/**
 * What clients call at one server: counted, and late or lost while it is unreliable, as in the network of the labs at its
 * worst. Nothing between servers is.
 */
export class ClientFaults {
  unreliable = false;
  readonly #random: Random;
  #callCount = 0;

  constructor(random: Random) {
    this.#random = ownStream(random);
  }

  /** Calls that were sent here so far, those lost included. */
  get callCount(): number {
    return this.#callCount;
  }

  readonly serverInterceptor: ServerInterceptor = (method, call) => {
    if (!method.path.startsWith('/synod.kv.')) return new ServerInterceptingCall(call);
    this.#callCount += 1;
    if (!this.unreliable) return new ServerInterceptingCall(call);
    const delayMs = this.#random.below(delayBoundMs);
    const isRequestLost = this.#isLost();
    const isReplyLost = this.#isLost();
    let hasFailed = false;
    const fail = () => {
      if (!hasFailed) call.sendStatus(lost);
      hasFailed = true;
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, proceed) => setTimeout(() => proceed(metadata), delayMs),
          ...(isRequestLost ? { onReceiveHalfClose: fail } : {}),
        }),
      // The handler has run; its caller does not learn what came of it.
      ...(isReplyLost ? { sendMetadata: () => undefined, sendMessage: fail, sendStatus: fail } : {}),
    });
  };

  #isLost(): boolean {
    return this.#random.below(lossOneIn) === 0;
  }
}
