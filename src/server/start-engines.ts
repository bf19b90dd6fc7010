import type { Client, Server } from '@grpc/grpc-js';
import type { ReplicaId } from '../log/ids.js';
import type { Member, Roster } from '../log/roster.js';
import type { Engine, EngineKind, EngineName, RecoveredEngine } from './engine.js';
import { peerServiceLink } from './peer-service.js';
import { Replica } from './replica.js';
import type { ReplicaSettings } from './replica-options.js';
import { omnipaxosOverGrpc } from './start-omnipaxos-engine.js';
import { paxosOverGrpc } from './start-paxos-engine.js';

/** A kind of engine over gRPC: what it serves, and how it reaches a peer. */
export interface EngineOverGrpc<
  Link extends object,
  Recovered extends RecoveredEngine,
  Opened extends Engine,
> {
  readonly kind: EngineKind<Link, Recovered, Opened>;
  /** The full names of the services that `serve` adds. */
  readonly serviceNames: readonly string[];
  serve(server: Server, engine: Opened): void;
  link(roster: Roster, peer: ReplicaId, channel: Client): Link;
}

/** A replica that has been opened, and what puts the services of its engine on a server. */
export interface OpenedReplica {
  readonly replica: Replica;
  readonly serveEngine: (server: Server) => void;
}

/** An engine as those see it who start replicas of any. */
export interface StartableEngine {
  readonly name: EngineName;
  readonly serviceNames: readonly string[];
  /**
   * Opens a replica.
   * @param channelTo opens the channel to a peer; called once for each
   * @throws StorageDamage
   */
  openReplica(settings: ReplicaSettings, channelTo: (peer: Member) => Client): Promise<OpenedReplica>;
}

function startable<Link extends object, Recovered extends RecoveredEngine, Opened extends Engine>(
  engine: EngineOverGrpc<Link, Recovered, Opened>,
): StartableEngine {
  const { kind, serviceNames } = engine;
  return {
    name: kind.name,
    serviceNames,
    openReplica: async (settings, channelTo) => {
      const replica = await Replica.open({
        ...settings,
        engine: kind,
        link: (peer, roster) => {
          const channel = channelTo(peer);
          return {
            ...engine.link(roster, peer.id, channel),
            ...peerServiceLink(roster, peer.id, channel),
          };
        },
      });
      return { replica, serveEngine: (server) => engine.serve(server, replica.engine) };
    },
  };
}

/** The engines that a replica can be started with. */
export const engines = {
  paxos: startable(paxosOverGrpc),
  omnipaxos: startable(omnipaxosOverGrpc),
} satisfies Record<EngineName, StartableEngine>;
