import { OmnipaxosPeer } from '../omnipaxos/peer.js';
import { omnipaxosJournal } from '../omnipaxos/records.js';
import { recoverOmnipaxos } from '../omnipaxos/recovery.js';
import { omnipaxosLink, serveOmnipaxos } from '../omnipaxos/service.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import type { RecoveredLog } from '../storage/write-ahead-log.js';
import { Decisions, type Decision, type DecisionsOptions } from './decisions.js';
import { checkPositive } from './members.js';
import {
  startLibraryPeer,
  type LibraryPeerOptions,
  type LibraryPlace,
  type RunningLibraryPeer,
} from './start-library-peer.js';
import { defaultElectionTimeoutMs } from './timing-defaults.js';

/** How an OmniPaxos peer is made. Its directory keeps its promise and its log. */
export interface OmnipaxosPeerOptions extends LibraryPeerOptions {
  /** How long a leader may be silent before it is missed; default 100. */
  readonly electionTimeoutMs?: number;
}

/** An OmniPaxos peer that listens on its own address. */
export interface RunningOmnipaxosPeer extends RunningLibraryPeer<OmnipaxosPeer> {
  /**
   * The apply stream (seed 001's applyCh): every decided value, in the order of the log and each once. Whoever keeps no
   * state of its own reads from slot 0 after each start, and is told again what was decided before. It ends when the
   * peer is closed or `signal` aborts.
   * @throws RangeError if a slot has been given up here by `done`, `cut` or `install`
   * @throws whatever the peer has closed itself for
   */
  decisions(options?: DecisionsOptions): AsyncIterable<Decision>;
}

/**
 * Makes an OmniPaxos peer, which begins to meet the others and to take part in elections: the library of seed 001 alone.
 * Values go in by `peer.proposal` at the leader and come out by `decisions` everywhere. Whether a directory is the one
 * that the others know, its caller answers for: the bare library says no Hello (rule R11).
 * @throws OptionsError if the list or the election timeout cannot work
 * @throws ListenError if the address is taken
 * @throws DirectoryMismatch, DirectoryInUse, StorageDamage
 */
export async function makeOmnipaxosPeer(options: OmnipaxosPeerOptions): Promise<RunningOmnipaxosPeer> {
  const electionTimeoutMs = checkPositive(
    'electionTimeoutMs',
    options.electionTimeoutMs ?? defaultElectionTimeoutMs,
  );
  const running = await startLibraryPeer(options, {
    name: 'omnipaxos-library',
    open: (place) => open(place, electionTimeoutMs),
    serve: (server, { peer }) => serveOmnipaxos(server, peer.roster, (stream) => peer.accept(stream)),
  });
  const { peer, decisions } = running.peer;
  peer.start();
  return { peer, decisions: (choices) => decisions.read(choices), close: () => running.close() };
}

/** A peer and its apply stream, which end together. */
interface PeerWithDecisions {
  readonly peer: OmnipaxosPeer;
  readonly decisions: Decisions;
  close(failure?: { readonly error: unknown }): void;
}

function open(
  { roster, channels, journal, recovered, fatal }: LibraryPlace,
  electionTimeoutMs: number,
): PeerWithDecisions {
  const peer = new OmnipaxosPeer({
    roster,
    links: new Map([...channels].map(([id, channel]) => [id, omnipaxosLink(roster, id, channel)])),
    journal: omnipaxosJournal(journal),
    ...(recovered && { recovered: recall(recovered) }),
    clock: realClock,
    random: realRandom,
    electionTimeoutMs,
    fatal,
  });
  const decisions = new Decisions(peer);
  peer.onDecided(() => decisions.wake());
  const close = (failure?: { readonly error: unknown }) => {
    decisions.close(failure);
    peer.close();
  };
  return { peer, decisions, close };
}

/** What the peer had promised, accepted and learned. */
const recall = ({ records, hardState, damage }: RecoveredLog) =>
  recoverOmnipaxos(records, hardState, damage, undefined);
