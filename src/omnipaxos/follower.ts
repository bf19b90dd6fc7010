import { compareBallots } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { AcceptedLog } from './accepted-log.js';
import type { AcceptDecide, AcceptSync, Prepare } from './messages.js';
import { patienceTicks, type AwaitingSync, type Following, type Phase, type Recovering } from './phase.js';
import type { StepBuilder } from './step.js';

/** What a follower is given for each step. */
export interface FollowerWorld {
  readonly log: AcceptedLog;
  readonly step: StepBuilder;
  /** Whether records can be written (rule R15). */
  readonly hasSpace: boolean;
}

/** In step with nobody, and asking for a Prepare at the next tick. */
export const recovering: Recovering = { kind: 'recovering', askInTicks: 1 };

/**
 * Promises, or answers the Prepare of a leader it has promised to already: that can only be the same leader's, which
 * wants to know where this replica stands now (rule R4). The caller has refused lower ballots.
 */
export function onPrepare({ log, step }: FollowerWorld, from: ReplicaId, message: Prepare): AwaitingSync {
  const { ballot, sync } = message;
  if (compareBallots(ballot, log.promised) > 0) step.record(...log.promise(ballot));
  sendPromise({ log, step }, from, message);
  return { kind: 'promised', ballot, sync, pages: [], patienceTicks };
}

/** The part of the own log that the leader may lack, in pages. */
function sendPromise(
  { log, step }: Pick<FollowerWorld, 'log' | 'step'>,
  to: ReplicaId,
  { ballot, sync, ...leader }: Prepare,
): void {
  const { accepted, acceptedEnd, decidedEnd, floor, counted } = log;
  let first = firstLacked(log, leader);
  const common = {
    kind: 'promise',
    ballot,
    sync,
    accepted,
    acceptedEnd,
    decidedEnd,
    floor,
    counted,
  } as const;
  // What is forgotten here the leader must pull as a snapshot; `floor` tells it so.
  const end = first < floor ? first : acceptedEnd;
  for (let page = 0, last = false; !last; page += 1) {
    const values = first < end ? log.entries.page(first, limits.learnPageBytes) : [];
    last = first + values.length >= end;
    step.sendAfterSync(to, { ...common, page, first, values, last });
    first += values.length;
  }
}

function firstLacked(
  log: AcceptedLog,
  leader: Pick<Prepare, 'accepted' | 'acceptedEnd' | 'decidedEnd'>,
): Slot {
  if (!log.counted) return log.acceptedEnd;
  const order = compareBallots(log.accepted, leader.accepted);
  if (order > 0) return Math.min(leader.decidedEnd, log.acceptedEnd);
  if (order === 0) return Math.min(leader.acceptedEnd, log.acceptedEnd);
  return log.acceptedEnd;
}

/** Takes a page of the leader's log; with the last one all of them at once. */
export function onAcceptSync(
  { log, step, hasSpace }: FollowerWorld,
  phase: AwaitingSync,
  from: ReplicaId,
  message: AcceptSync,
): Phase {
  const { ballot, sync, page, last } = message;
  if (sync !== phase.sync || page !== phase.pages.length) return phase;
  const pages = [...phase.pages, message];
  if (!last) {
    step.send(from, { kind: 'page-received', ballot, sync, page });
    return { ...phase, pages, patienceTicks };
  }
  if (!hasSpace) return recovering;
  const values = pages.flatMap((each) => each.values);
  step.record(...log.replace(ballot, pages[0]?.first ?? message.first, values));
  step.record(...log.decide(message.decidedEnd));
  step.sendAfterSync(from, { kind: 'accepted', ballot, acceptedEnd: log.acceptedEnd });
  return { kind: 'following', ballot, sync, counter: 0 };
}

/** Appends what comes next in this leader's log. */
export function onAcceptDecide(
  { log, step, hasSpace }: FollowerWorld,
  phase: Following,
  from: ReplicaId,
  { ballot, sync, counter, first, values, decidedEnd }: AcceptDecide,
): Phase {
  if (sync !== phase.sync || counter <= phase.counter) return phase;
  const isMissed = counter > phase.counter + 1 || first !== log.acceptedEnd;
  if (isMissed || (values.length > 0 && !hasSpace)) return missed(step, from, log);
  if (values.length > 0) {
    step.record(...log.append(ballot, values));
    step.sendAfterSync(from, { kind: 'accepted', ballot, acceptedEnd: log.acceptedEnd });
  }
  for (const record of log.decide(decidedEnd)) step.recordLazily(record);
  return { ...phase, counter };
}

/** Something of the leader's was lost: it is asked where to go on. */
export function missed(step: StepBuilder, leader: ReplicaId, log: AcceptedLog): Recovering {
  step.send(leader, { kind: 'prepare-request', promised: log.promised });
  return { kind: 'recovering', askInTicks: patienceTicks };
}
