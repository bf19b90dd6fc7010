import type { Enveloped } from '../../src/log/header.js';
import type { PaxosLink } from '../../src/paxos/messages.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import type { Call } from '../../src/rpc/link.js';
import type { Engine, EngineKind, RecoveredEngine } from '../../src/server/engine.js';
import { paxosEngine, type PaxosEngine } from '../../src/server/paxos-engine.js';

/** Makes a method of a link out of what the engine at its other end does with a request. */
export type Carry<Opened extends Engine> = <Request, Reply>(
  name: string,
  handle: (engine: Opened, request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
) => Call<Enveloped<Request>, Enveloped<Reply>>;

/** A kind of engine in a made-up world: how its messages reach a peer there. */
export interface FakeEngine<Link extends object, Recovered extends RecoveredEngine, Opened extends Engine> {
  readonly kind: EngineKind<Link, Recovered, Opened>;
  readonly link: (carry: Carry<Opened>) => Link;
}

export const fakePaxos: FakeEngine<PaxosLink, RecoveredPaxos, PaxosEngine> = {
  kind: paxosEngine,
  link: (carry) => ({
    prepare: carry('prepare', ({ peer }, request) => peer.handlePrepare(request)),
    accept: carry('accept', ({ peer }, request) => peer.handleAccept(request)),
    decide: carry('decide', ({ peer }, request) => peer.handleDecide(request)),
    learn: carry('learn', ({ peer }, request) => peer.handleLearn(request)),
    reach: carry('reach', ({ peer }, request) => peer.handleReach(request)),
  }),
};
