import { formatBallot } from '../log/ballot.js';
import { OmnipaxosLog } from '../omnipaxos/omnipaxos-log.js';
import { OmnipaxosPeer } from '../omnipaxos/peer.js';
import { omnipaxosJournal, omnipaxosRecordToLog } from '../omnipaxos/records.js';
import { recoverOmnipaxos, type RecoveredOmnipaxos } from '../omnipaxos/recovery.js';
import type { OmnipaxosLink } from '../omnipaxos/service.js';
import type { Engine, EngineKind, EngineOptions, LeaderStatus } from './engine.js';

/** The engine of one log under an elected leader (seed 001) in one replica. */
export interface OmnipaxosEngine extends Engine {
  readonly peer: OmnipaxosPeer;
}

export const omnipaxosEngine: EngineKind<OmnipaxosLink, RecoveredOmnipaxos, OmnipaxosEngine> = {
  name: 'omnipaxos',
  recover: ({ records, hardState, damage }, coveredThrough) =>
    recoverOmnipaxos(records, hardState, damage, coveredThrough),
  open,
};

function open(options: EngineOptions<OmnipaxosLink, RecoveredOmnipaxos>): OmnipaxosEngine {
  const { clock, trace, fatal, recovered, loadedThrough } = options;
  const peer = new OmnipaxosPeer({
    roster: options.roster,
    links: options.links,
    journal: omnipaxosJournal(options.journal),
    gate: options.gate,
    ...(recovered === undefined ? {} : { recovered }),
    clock,
    random: options.random,
    electionTimeoutMs: options.electionTimeoutMs,
    roundTimeoutMs: options.roundTimeoutMs,
    trace,
    fatal,
  });
  const log = new OmnipaxosLog({
    peer,
    stateMachine: options.stateMachine,
    clock,
    ...(loadedThrough === undefined ? {} : { recoveredThrough: loadedThrough }),
    behind: options.behind,
    fatal,
    trace,
  });
  return {
    peer,
    log,
    get isReady() {
      return peer.leadership.kind === 'leading' || peer.replica.election.isLed;
    },
    get leader() {
      return leaderStatus(peer);
    },
    get trouble() {
      return peer.replica.log.counted
        ? ''
        : 'its log is damaged: it is counted for nothing until a leader has brought it in step';
    },
    replay: () => log.replay(),
    start: () => peer.start(),
    liveRecords: () => peer.liveRecords()?.map(omnipaxosRecordToLog),
  };
}

function leaderStatus({ leadership, replica, roster, lateness }: OmnipaxosPeer): LeaderStatus {
  const { phase, election } = replica;
  const isFollowing = leadership.kind === 'following';
  return {
    replica: isFollowing ? leadership.leader : roster.me,
    ballot: formatBallot(isFollowing ? election.leader : leadership.ballot),
    phase: phase.kind,
    lateHeartbeats: lateness.heartbeats,
    longestStallMs: lateness.longestStallMs,
  };
}
