import type { PaxosLink, SlotRange } from '../paxos/messages.js';
import { PaxosLog } from '../paxos/paxos-log.js';
import { PaxosPeer } from '../paxos/peer.js';
import { paxosJournal, paxosRecordToLog } from '../paxos/records.js';
import { recoverPaxos, type RecoveredPaxos } from '../paxos/recovery.js';
import type { Engine, EngineKind, EngineOptions } from './engine.js';

/** The engine of independent instances (seed 002) in one replica. */
export interface PaxosEngine extends Engine {
  readonly peer: PaxosPeer;
}

export const paxosEngine: EngineKind<PaxosLink, RecoveredPaxos, PaxosEngine> = {
  name: 'paxos',
  recover: ({ records, hardState, damage }, coveredThrough) =>
    recoverPaxos(records, hardState, damage, coveredThrough),
  open,
};

function open(options: EngineOptions<PaxosLink, RecoveredPaxos>): PaxosEngine {
  const { clock, random, trace, fatal, recovered, loadedThrough } = options;
  const peer = new PaxosPeer({
    roster: options.roster,
    links: options.links,
    journal: paxosJournal(options.journal),
    gate: options.gate,
    ...(recovered === undefined ? {} : { recovered }),
    clock,
    random,
    roundTimeoutMs: options.roundTimeoutMs,
    behind: (replica, _slot, floor) => options.behind(replica, floor),
    trace,
    fatal,
  });
  const log = new PaxosLog({
    peer,
    stateMachine: options.stateMachine,
    clock,
    random,
    ...(loadedThrough === undefined ? {} : { recoveredThrough: loadedThrough }),
    fatal,
    trace,
  });
  return {
    peer,
    log,
    leader: undefined,
    isReady: true,
    get trouble() {
      return silenceText(peer.silence);
    },
    replay: () => log.replay(),
    // A peer begins an instance when there is something to propose or to fill, and is silent otherwise.
    start: () => undefined,
    liveRecords: () => peer.liveRecords().map(paxosRecordToLog),
  };
}

const silenceText = (silence: SlotRange | undefined): string =>
  silence === undefined
    ? ''
    : `its log is damaged at slots ${silence.first} to ${silence.last}: it does not vote up to there until it has learned them`;
