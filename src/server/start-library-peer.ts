import type { Client, Interceptor, Server, ServerInterceptor } from '@grpc/grpc-js';
import { replicaId, type ReplicaId } from '../log/ids.js';
import { Roster } from '../log/roster.js';
import { throwUnhandled } from '../log/throw-unhandled.js';
import { parseAddress } from '../rpc/address.js';
import { openChannel } from '../rpc/channel.js';
import { listen, newServer, shutDown } from '../rpc/server.js';
import { realClock } from '../runtime/real-clock.js';
import type { Disk } from '../storage/disk.js';
import type { Journal } from '../storage/journal.js';
import type { LogRecord } from '../storage/log-record.js';
import type { RecoveredLog } from '../storage/write-ahead-log.js';
import { checkMembers, type MemberOption } from './members.js';
import { engineJournal, followRoster } from './persistence.js';
import { recordedPeers } from './roster-records.js';
import { openPlace, type Place } from './start-place.js';

/** What every peer of a bare library is made with. */
export interface LibraryPeerOptions {
  /** All members, this peer included. */
  readonly peers: readonly MemberOption[];
  /** This peer's own id. */
  readonly me: number;
  /** Default: drawn from the member list, so that peers with different lists refuse each other. */
  readonly clusterId?: string;
  /**
   * Where the peer keeps what it must remember; made if it is not there. Absent: in memory, and then a peer that was
   * closed must not be made again under its id (seed 002, hint 9; rule R1).
   */
  readonly dataDirectory?: string;
  /** Told once when the disk has failed; the peer has closed itself. Default: throw it unhandled. */
  readonly onFailure?: (error: unknown) => void;
  /** For tests: what stands between the peer and its directory. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  /** Interceptors of what this peer receives, and of what it sends to each other peer. */
  readonly serverInterceptors?: readonly ServerInterceptor[];
  readonly peerInterceptors?: (peer: number) => readonly Interceptor[];
}

/** A peer of a bare library that listens on its own address. */
export interface RunningLibraryPeer<Peer> {
  readonly peer: Peer;
  /** Stops the peer and gives its address back (the seed's Kill()). */
  close(): Promise<void>;
}

/** What a library makes its peer of. */
export interface LibraryPlace {
  readonly roster: Roster;
  /** Channels to the other members. */
  readonly channels: ReadonlyMap<ReplicaId, Client>;
  readonly journal: Journal<LogRecord>;
  /** What the log of the directory says; undefined in memory. */
  readonly recovered: RecoveredLog | undefined;
  /** To be told of what the peer has closed itself for. */
  readonly fatal: (error: unknown) => void;
}

/** What a library makes. */
export interface ClosablePeer {
  /** @param failure why, if that is to be told to those who wait */
  close(failure?: { readonly error: unknown }): void;
}

/** A library whose peers can be started alone, without store and Hello. */
export interface Library<Peer extends ClosablePeer> {
  /** Part of the identity of a directory and of a cluster. */
  readonly name: string;
  open(place: LibraryPlace): Peer;
  serve(server: Server, peer: Peer): void;
}

/**
 * Makes a peer of a bare library and starts to answer the others. Whether a directory is the one that the others know,
 * its caller answers for: the bare library says no Hello (rule R11).
 * @throws OptionsError if the list cannot work
 * @throws ListenError if the address is taken
 * @throws DirectoryMismatch, DirectoryInUse, StorageDamage
 */
export async function startLibraryPeer<Peer extends ClosablePeer>(
  options: LibraryPeerOptions,
  library: Library<Peer>,
): Promise<RunningLibraryPeer<Peer>> {
  const members = checkMembers(options.peers, options.me);
  const me = replicaId(options.me);
  let peer: Peer | undefined;
  let hasFailed = false;
  const fatal = (error: unknown) => {
    if (hasFailed) return;
    hasFailed = true;
    peer?.close({ error });
    (options.onFailure ?? throwUnhandled)(error);
  };
  // Not left to the next append: while the disk is full as well, that is refused before it could fail.
  const place = await openPlace({ ...options, me, members, engine: library.name, diskFailed: fatal });
  const { directory } = place;
  const roster = rosterAt(place, members, me);
  const others = members.filter(({ id }) => id !== me);
  const channels = new Map(others.map(({ id, address }) => [id, openPeerChannel(id, address, options)]));
  const server = newServer(options.serverInterceptors);
  const close = async () => {
    peer?.close();
    for (const channel of channels.values()) channel.close();
    await shutDown(server, 0);
    await directory?.log.close();
    await place.release();
  };
  try {
    peer = library.open({
      roster,
      channels,
      journal: engineJournal(directory),
      recovered: directory?.recovered,
      fatal,
    });
    library.serve(server, peer);
    await listen(server, parseAddress(roster.addressOf(me)));
    return { peer, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Who the members are, as far as the directory knows them already. */
function rosterAt(place: Place, members: Roster['members'], me: ReplicaId): Roster {
  const { directory, clusterId, incarnation } = place;
  const roster = new Roster({
    members,
    me,
    clusterId,
    incarnation,
    clock: realClock,
    introductions: 'none',
    ...(directory && { recorded: recordedPeers(directory.recovered.records) }),
  });
  if (directory !== undefined) followRoster(directory, roster);
  return roster;
}

const openPeerChannel = (id: ReplicaId, address: string, options: LibraryPeerOptions): Client =>
  openChannel(parseAddress(address), {
    between: 'replicas',
    interceptors: options.peerInterceptors?.(id) ?? [],
  });
