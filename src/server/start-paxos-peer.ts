import type { Interceptor, ServerInterceptor } from '@grpc/grpc-js';
import { incarnation, replicaId, type ReplicaId } from '../log/ids.js';
import { Roster } from '../log/roster.js';
import { PaxosPeer } from '../paxos/peer.js';
import { paxosLink, servePaxosPeer } from '../paxos/service.js';
import { parseAddress } from '../rpc/address.js';
import { openChannel } from '../rpc/channel.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import { memoryJournal } from '../storage/journal.js';
import { derivedClusterId } from './cluster-id.js';
import { checkMembers, type MemberOption } from './members.js';

export interface PaxosPeerOptions {
  /** All members, this peer included. */
  readonly peers: readonly MemberOption[];
  /** This peer's own id. */
  readonly me: number;
  /** Default: drawn from the member list, so that peers with different lists refuse each other. */
  readonly clusterId?: string;
  /** How long an unanswered message is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
  /** Interceptors of what this peer receives, and of what it sends to each other peer. */
  readonly serverInterceptors?: readonly ServerInterceptor[];
  readonly peerInterceptors?: (peer: number) => readonly Interceptor[];
}

/** A Paxos peer that listens on its own address. */
export interface RunningPaxosPeer {
  readonly peer: PaxosPeer;
  /** Stops the peer and gives its address back (the seed's Kill()). */
  close(): Promise<void>;
}

/**
 * Makes a Paxos peer and starts to answer the others: seed 002's `Make(peers, me)`. Its state is in memory, so
 * one that was closed must not be made again under its id (seed 002, hint 9; rule R1).
 * @throws OptionsError if the list cannot work
 * @throws ListenError if the address is taken
 */
export async function makePaxosPeer(options: PaxosPeerOptions): Promise<RunningPaxosPeer> {
  const members = checkMembers(options.peers, options.me);
  const roster = new Roster({
    members,
    me: replicaId(options.me),
    clusterId: options.clusterId ?? derivedClusterId('paxos', members, null),
    incarnation: incarnation(realRandom.hex(32)),
    clock: realClock,
    introductions: 'none',
  });
  const others = members.filter(({ id }) => id !== roster.me);
  const channels = new Map(others.map(({ id, address }) => [id, openPeerChannel(id, address, options)]));
  const peer = new PaxosPeer({
    roster,
    links: new Map([...channels].map(([id, channel]) => [id, paxosLink(roster, id, channel)])),
    journal: memoryJournal(),
    clock: realClock,
    random: realRandom,
    ...(options.roundTimeoutMs === undefined ? {} : { roundTimeoutMs: options.roundTimeoutMs }),
  });
  const server = newServer(options.serverInterceptors);
  servePaxosPeer(server, peer);
  const close = async () => {
    peer.close();
    for (const channel of channels.values()) channel.close();
    await shutDown(server, 0);
  };
  try {
    await listen(server, parseAddress(roster.addressOf(roster.me)));
  } catch (error) {
    await close();
    throw error;
  }
  return { peer, close };
}

const openPeerChannel = (id: ReplicaId, address: string, options: PaxosPeerOptions) =>
  openChannel(parseAddress(address), {
    between: 'replicas',
    interceptors: options.peerInterceptors?.(id) ?? [],
  });
