import { PaxosPeer } from '../paxos/peer.js';
import { paxosJournal } from '../paxos/records.js';
import { recoverPaxos } from '../paxos/recovery.js';
import { paxosLink, servePaxosPeer } from '../paxos/service.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import type { RecoveredLog } from '../storage/write-ahead-log.js';
import { startLibraryPeer, type LibraryPeerOptions, type RunningLibraryPeer } from './start-library-peer.js';

/** How a Paxos peer is made. Its directory keeps promises, votes and decisions. */
export interface PaxosPeerOptions extends LibraryPeerOptions {
  /** How long an unanswered message is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
}

/** A Paxos peer that listens on its own address. */
export type RunningPaxosPeer = RunningLibraryPeer<PaxosPeer>;

/**
 * Makes a Paxos peer and starts to answer the others: seed 002's `Make(peers, me)`. Whether a directory is the one that
 * the others know, its caller answers for: the bare library says no Hello (rule R11).
 * @throws OptionsError if the list cannot work
 * @throws ListenError if the address is taken
 * @throws DirectoryMismatch, DirectoryInUse, StorageDamage
 */
export function makePaxosPeer(options: PaxosPeerOptions): Promise<RunningPaxosPeer> {
  const { roundTimeoutMs } = options;
  return startLibraryPeer(options, {
    name: 'paxos-library',
    open: ({ roster, channels, journal, recovered, fatal }) =>
      new PaxosPeer({
        roster,
        links: new Map([...channels].map(([id, channel]) => [id, paxosLink(roster, id, channel)])),
        journal: paxosJournal(journal),
        ...(recovered && { recovered: recall(recovered) }),
        clock: realClock,
        random: realRandom,
        ...(roundTimeoutMs === undefined ? {} : { roundTimeoutMs }),
        fatal,
      }),
    serve: servePaxosPeer,
  });
}

/** What the peer had promised, voted and learned. */
const recall = ({ records, hardState, damage }: RecoveredLog) =>
  recoverPaxos(records, hardState, damage, undefined);
