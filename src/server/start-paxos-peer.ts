import type { Interceptor, ServerInterceptor } from '@grpc/grpc-js';
import { replicaId, type ReplicaId } from '../log/ids.js';
import { Roster } from '../log/roster.js';
import { PaxosPeer } from '../paxos/peer.js';
import { paxosJournal } from '../paxos/records.js';
import { recoverPaxos } from '../paxos/recovery.js';
import { paxosLink, servePaxosPeer } from '../paxos/service.js';
import { parseAddress } from '../rpc/address.js';
import { openChannel } from '../rpc/channel.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import type { DataDirectory } from './data-directory.js';
import { checkMembers, type MemberOption } from './members.js';
import { engineJournal, followRoster } from './persistence.js';
import { recordedPeers } from './roster-records.js';
import { openPlace } from './start-place.js';

export interface PaxosPeerOptions {
  /** All members, this peer included. */
  readonly peers: readonly MemberOption[];
  /** This peer's own id. */
  readonly me: number;
  /** Default: drawn from the member list, so that peers with different lists refuse each other. */
  readonly clusterId?: string;
  /**
   * Where the peer keeps its promises, votes and decisions; made if it is not there. Absent: in memory, and then a peer
   * that was closed must not be made again under its id (seed 002, hint 9; rule R1).
   */
  readonly dataDirectory?: string;
  /** Told when the disk has failed; the peer has closed itself. Default: throw it unhandled. */
  readonly onFailure?: (error: unknown) => void;
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
 * Makes a Paxos peer and starts to answer the others: seed 002's `Make(peers, me)`. Whether a directory is the one that
 * the others know, its caller answers for: the bare library says no Hello (rule R11).
 * @throws OptionsError if the list cannot work
 * @throws ListenError if the address is taken
 * @throws DirectoryMismatch, DirectoryInUse, StorageDamage
 */
export async function makePaxosPeer(options: PaxosPeerOptions): Promise<RunningPaxosPeer> {
  const members = checkMembers(options.peers, options.me);
  const me = replicaId(options.me);
  // The peer learns of it from the append that fails.
  const diskFailed = () => undefined;
  const place = await openPlace({ ...options, me, members, engine: 'paxos-library', diskFailed });
  const { directory } = place;
  const recorded = directory && recordedPeers(directory.recovered.records);
  const roster = new Roster({
    members,
    me,
    clusterId: place.clusterId,
    incarnation: place.incarnation,
    clock: realClock,
    introductions: 'none',
    ...(recorded && { recorded }),
  });
  if (directory !== undefined) followRoster(directory, roster);
  const others = members.filter(({ id }) => id !== me);
  const channels = new Map(others.map(({ id, address }) => [id, openPeerChannel(id, address, options)]));
  const peer = new PaxosPeer({
    roster,
    links: new Map([...channels].map(([id, channel]) => [id, paxosLink(roster, id, channel)])),
    journal: paxosJournal(engineJournal(directory)),
    ...(directory && { recovered: recovered(directory) }),
    clock: realClock,
    random: realRandom,
    ...(options.roundTimeoutMs === undefined ? {} : { roundTimeoutMs: options.roundTimeoutMs }),
    ...(options.onFailure === undefined ? {} : { fatal: options.onFailure }),
  });
  const server = newServer(options.serverInterceptors);
  servePaxosPeer(server, peer);
  const close = async () => {
    peer.close();
    for (const channel of channels.values()) channel.close();
    await shutDown(server, 0);
    await directory?.log.close();
    await place.release();
  };
  try {
    await listen(server, parseAddress(roster.addressOf(me)));
  } catch (error) {
    await close();
    throw error;
  }
  return { peer, close };
}

/** What the peer had promised, voted and learned. */
const recovered = ({ recovered: { records, hardState, damage } }: DataDirectory) =>
  recoverPaxos(records, hardState, damage, undefined);

const openPeerChannel = (id: ReplicaId, address: string, options: PaxosPeerOptions) =>
  openChannel(parseAddress(address), {
    between: 'replicas',
    interceptors: options.peerInterceptors?.(id) ?? [],
  });
