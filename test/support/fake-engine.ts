import type { Enveloped } from '../../src/log/header.js';
import type { PaxosLink } from '../../src/paxos/messages.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import type { RecoveredOmnipaxos } from '../../src/omnipaxos/recovery.js';
import type { OmnipaxosLink } from '../../src/omnipaxos/service.js';
import type { Duplex, DuplexEvents, OpenDuplex } from '../../src/rpc/link.js';
import type { ReplicaId } from '../../src/log/ids.js';
import type { Engine, EngineKind, EngineName, RecoveredEngine } from '../../src/server/engine.js';
import { omnipaxosEngine, type OmnipaxosEngine } from '../../src/server/omnipaxos-engine.js';
import { paxosEngine, type PaxosEngine } from '../../src/server/paxos-engine.js';
import { Replica } from '../../src/server/replica.js';
import type { Carry } from '../../src/sim/voting-engine.js';
import type { CommonLink, ReplicaSettings } from '../../src/server/replica-options.js';

/** Makes the streams of a link out of what the engine at their other end does when one is opened to it. */
export type CarryStreams<Opened extends Engine> = <Message>(
  name: string,
  accept: (engine: Opened, stream: Duplex<Enveloped<Message>>) => DuplexEvents<Enveloped<Message>>,
) => OpenDuplex<Enveloped<Message>>;

/** What makes the link to one peer. */
export interface LinkMaker<Opened extends Engine> {
  readonly carry: Carry<Opened>;
  readonly carryStreams: CarryStreams<Opened>;
}

/** A kind of engine in a made-up world: how its messages reach a peer there. */
export interface FakeEngine<Link extends object, Recovered extends RecoveredEngine, Opened extends Engine> {
  readonly kind: EngineKind<Link, Recovered, Opened>;
  readonly link: (maker: LinkMaker<Opened>) => Link;
}

export const fakePaxos: FakeEngine<PaxosLink, RecoveredPaxos, PaxosEngine> = {
  kind: paxosEngine,
  link: ({ carry }) => ({
    prepare: carry('prepare', ({ peer }, request) => peer.handlePrepare(request)),
    accept: carry('accept', ({ peer }, request) => peer.handleAccept(request)),
    decide: carry('decide', ({ peer }, request) => peer.handleDecide(request)),
    learn: carry('learn', ({ peer }, request) => peer.handleLearn(request)),
    reach: carry('reach', ({ peer }, request) => peer.handleReach(request)),
  }),
};

export const fakeOmnipaxos: FakeEngine<OmnipaxosLink, RecoveredOmnipaxos, OmnipaxosEngine> = {
  kind: omnipaxosEngine,
  link: ({ carryStreams }) => ({
    exchange: carryStreams('exchange', ({ peer }, stream) => peer.accept(stream)),
  }),
};

/** The ways from one replica to another. */
export interface Ways<Opened extends Engine> {
  readonly common: CommonLink;
  readonly maker: LinkMaker<Opened>;
}

/** The engine of a world, whose own types nobody else needs. */
export interface WorldEngine<Opened extends Engine> {
  readonly name: EngineName;
  readonly open: (
    settings: ReplicaSettings,
    waysTo: (peer: ReplicaId) => Ways<Opened>,
  ) => Promise<Replica<Opened>>;
}

export const worldEngine = <Link extends object, Recovered extends RecoveredEngine, Opened extends Engine>({
  kind,
  link,
}: FakeEngine<Link, Recovered, Opened>): WorldEngine<Opened> => ({
  name: kind.name,
  open: (settings, waysTo) =>
    Replica.open({
      ...settings,
      engine: kind,
      link: ({ id }) => {
        const { common, maker } = waysTo(id);
        return { ...link(maker), ...common };
      },
    }),
});
