import type { Enveloped } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { Message as OmnipaxosMessage } from '../omnipaxos/messages.js';
import type { RecoveredOmnipaxos } from '../omnipaxos/recovery.js';
import type { OmnipaxosLink } from '../omnipaxos/service.js';
import type { PaxosLink } from '../paxos/messages.js';
import type { RecoveredPaxos } from '../paxos/recovery.js';
import type { Call, Duplex, DuplexEvents, OpenDuplex } from '../rpc/link.js';
import type { Engine, EngineKind, EngineName, RecoveredEngine } from '../server/engine.js';
import { omnipaxosEngine, type OmnipaxosEngine } from '../server/omnipaxos-engine.js';
import { paxosEngine, type PaxosEngine } from '../server/paxos-engine.js';
import { Replica } from '../server/replica.js';
import type { CommonLink, ReplicaSettings } from '../server/replica-options.js';
import { OmnipaxosMonitor } from './omnipaxos-monitor.js';
import { PaxosMonitor } from './paxos-monitor.js';

/** Holds what replicas say to each other against what they said before, and what was decided against what was voted. */
export interface VotingMonitor {
  /** Replica `me` has applied this value in this slot. */
  applied(me: ReplicaId, slot: Slot, value: Uint8Array): void;
  /** Replica `me` has named a moment that just passed. */
  traced(me: ReplicaId, event: string, details: Readonly<Record<string, unknown>>): void;
}

export interface MonitorOptions {
  readonly majority: number;
  readonly violated: (check: string, message: string) => void;
}

/** Makes a method of a link out of what the engine at its other end does with a request. */
export type Carry<Opened extends Engine> = <Request, Reply>(
  name: string,
  handle: (engine: Opened, request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
) => Call<Enveloped<Request>, Enveloped<Reply>>;

/** Makes the streams of a link out of what the engine at their other end does when one is opened to it. */
export type CarryStreams<Opened extends Engine> = <Message>(
  name: string,
  accept: (engine: Opened, stream: Duplex<Enveloped<Message>>) => DuplexEvents<Enveloped<Message>>,
  said: (process: string, message: Enveloped<Message>) => void,
) => OpenDuplex<Enveloped<Message>>;

/** The ways from one replica to another. */
export interface Ways<Opened extends Engine> {
  readonly common: CommonLink;
  /** The replica at their end. */
  readonly to: ReplicaId;
  readonly carry: Carry<Opened>;
  readonly carryStreams: CarryStreams<Opened>;
}

/** One engine in a simulated world: how its messages travel there, what watches them, and how it is looked at. */
interface EngineInWorld<
  Link extends object,
  Recovered extends RecoveredEngine,
  Opened extends Engine,
  Monitor extends VotingMonitor,
> {
  readonly kind: EngineKind<Link, Recovered, Opened>;
  readonly newMonitor: (options: MonitorOptions) => Monitor;
  readonly link: (ways: Ways<Opened>, monitor: Monitor) => Link;
  /** Holds what a replica has against what it has told. */
  readonly lookAtMemory: (me: ReplicaId, engine: Opened, monitor: Monitor) => void;
  /** What was decided in a slot; undefined if it is not known or no longer held. */
  readonly decidedValue: (engine: Opened, slot: Slot) => Uint8Array | undefined;
  /** The last slot through which a start could build the state again from the disk alone; undefined for none. */
  readonly durableThrough: (engine: Opened) => Slot | undefined;
}

/** A replica of a simulated cluster, whatever its engine. */
export interface WorldReplica {
  readonly replica: Replica;
  readonly decidedValue: (slot: Slot) => Uint8Array | undefined;
  /** The last slot through which a start could build the state again from the disk alone; undefined for none. */
  readonly durableThrough: () => Slot | undefined;
  /** Holds what it has now against all that it has told. */
  readonly lookAtMemory: () => void;
}

/** Opens the replicas of one cluster, all of which one monitor watches. */
export interface WorldEngine {
  readonly name: EngineName;
  readonly monitor: VotingMonitor;
  open(settings: ReplicaSettings, waysTo: WaysTo): Promise<WorldReplica>;
}

/** Makes the ways to a peer; `at` finds the engine at the far end, or fails if none runs there. */
export type WaysTo = <Opened extends Engine>(
  peer: ReplicaId,
  at: (replica: Replica) => Opened,
) => Ways<Opened>;

function worldEngine<
  Link extends object,
  Recovered extends RecoveredEngine,
  Opened extends Engine,
  Monitor extends VotingMonitor,
>(engine: EngineInWorld<Link, Recovered, Opened, Monitor>, options: MonitorOptions): WorldEngine {
  const { kind, link, newMonitor, lookAtMemory, decidedValue, durableThrough } = engine;
  const monitor = newMonitor(options);
  // Replicas are found again by what opened them, so that nobody has to be told their type.
  const engines = new WeakMap<Replica, Opened>();
  const engineOf = (replica: Replica): Opened => {
    const opened = engines.get(replica);
    if (opened === undefined) throw new RangeError(`replica ${replica.roster.me} is of another cluster`);
    return opened;
  };
  return {
    name: kind.name,
    monitor,
    open: async (settings, waysTo) => {
      const replica = await Replica.open({
        ...settings,
        engine: kind,
        link: ({ id }) => {
          const ways = waysTo(id, engineOf);
          return { ...link(ways, monitor), ...ways.common };
        },
      });
      engines.set(replica, replica.engine);
      return {
        replica,
        decidedValue: (slot) => decidedValue(replica.engine, slot),
        durableThrough: () => durableThrough(replica.engine),
        lookAtMemory: () => lookAtMemory(settings.me, replica.engine, monitor),
      };
    },
  };
}

const paxos: EngineInWorld<PaxosLink, RecoveredPaxos, PaxosEngine, PaxosMonitor> = {
  kind: paxosEngine,
  newMonitor: (options) => new PaxosMonitor(options),
  link: ({ to, carry }, monitor) => ({
    prepare: carry('prepare', async ({ peer }, request) => {
      monitor.proposed(request.header, request.body);
      const before = monitor.told(to, request.body.slot);
      const reply = await peer.handlePrepare(request);
      monitor.prepared(request.body, reply, before);
      return reply;
    }),
    accept: carry('accept', async ({ peer }, request) => {
      monitor.proposed(request.header, request.body);
      const before = monitor.told(to, request.body.slot);
      const reply = await peer.handleAccept(request);
      monitor.accepted(request.body, reply, before);
      return reply;
    }),
    decide: carry('decide', ({ peer }, request) => peer.handleDecide(request)),
    learn: carry('learn', ({ peer }, request) => peer.handleLearn(request)),
    reach: carry('reach', ({ peer }, request) => peer.handleReach(request)),
  }),
  lookAtMemory: (me, { peer }, monitor) => {
    const open = new Map(peer.openInstances());
    monitor.remembers(me, (slot) => {
      // Where damage may have taken votes the replica is silent, and so needs none.
      if (slot <= (peer.silence?.last ?? -1) || peer.status(slot).kind !== 'pending') return undefined;
      const acceptor = open.get(slot)?.acceptor;
      return acceptor?.phase === 'decided'
        ? undefined
        : { promised: acceptor?.promised, vote: acceptor?.vote };
    });
  },
  decidedValue: ({ peer }, slot) => {
    const status = peer.status(slot);
    return status.kind === 'decided' ? status.value : undefined;
  },
  durableThrough: ({ peer }) => peer.durablyLearnedThrough,
};

const omnipaxos: EngineInWorld<OmnipaxosLink, RecoveredOmnipaxos, OmnipaxosEngine, OmnipaxosMonitor> = {
  kind: omnipaxosEngine,
  newMonitor: (options) => new OmnipaxosMonitor(options),
  link: ({ carryStreams }, monitor) => ({
    exchange: carryStreams<readonly OmnipaxosMessage[]>(
      'exchange',
      ({ peer }, stream) => peer.accept(stream),
      (process, { header, body }) => {
        for (const message of body) monitor.said(header, process, message);
      },
    ),
  }),
  lookAtMemory: (me, { peer }, monitor) => {
    const { log } = peer.replica;
    // A log that damage may have taken entries from is counted for nothing, and says so.
    if (log.counted) monitor.remembers(me, log);
  },
  decidedValue: ({ peer }, slot) => {
    const { entries, decidedEnd } = peer.replica.log;
    return slot < decidedEnd ? entries.at(slot) : undefined;
  },
  durableThrough: ({ peer }) => (peer.durablyDecidedEnd === 0 ? undefined : peer.durablyDecidedEnd - 1),
};

/** The engine of a new cluster. */
export const newWorldEngine = (name: EngineName, options: MonitorOptions): WorldEngine =>
  name === 'paxos' ? worldEngine(paxos, options) : worldEngine(omnipaxos, options);
