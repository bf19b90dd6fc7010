import { compareBallots } from '../log/ballot.js';
import { majorityOf, type ReplicaId, type Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { AcceptedLog } from './accepted-log.js';
import { checkDecided } from './invariants.js';
import type { Accepted, NotAccepted, PageReceived, Promised } from './messages.js';
import {
  firstPatience,
  longer,
  renewed,
  type Follower,
  type Leading,
  type Patience,
  type Preparing,
} from './phase.js';
import type { StepBuilder } from './step.js';

/** What a leader is given for each step. */
export interface LeaderWorld {
  readonly me: ReplicaId;
  readonly members: readonly ReplicaId[];
  readonly log: AcceptedLog;
  readonly step: StepBuilder;
  /** Whether records can be written (rule R15). */
  readonly hasSpace: boolean;
  readonly isConnected: (peer: ReplicaId) => boolean;
  /** Numbers the next Prepare to a follower. */
  readonly nextSync: (peer: ReplicaId) => number;
}

type LeaderPhase = Preparing | Leading;

/**
 * Asks one follower for its promise, whatever was under way with it.
 * @param patience how long the answer is waited for; longer than what was waited for before
 */
export function prepare(
  world: LeaderWorld,
  phase: LeaderPhase,
  peer: ReplicaId,
  patience: Patience = firstPatience(),
): void {
  const isSpeaking = phase.kind === 'leading' || phase.ownPromised;
  if (!isSpeaking || !world.isConnected(peer)) {
    phase.followers.set(peer, { kind: 'unreached' });
    return;
  }
  const { accepted, acceptedEnd, decidedEnd } = world.log;
  const sync = world.nextSync(peer);
  phase.followers.set(peer, { kind: 'asked', sync, pages: [], patience });
  world.step.send(peer, { kind: 'prepare', ballot: phase.ballot, sync, accepted, acceptedEnd, decidedEnd });
}

export function prepareAll(world: LeaderWorld, phase: LeaderPhase): void {
  for (const peer of world.members) if (peer !== world.me) prepare(world, phase, peer);
}

/** Takes a page of a promise. Answers the phase after it. */
export function onPromise(
  world: LeaderWorld,
  phase: LeaderPhase,
  from: ReplicaId,
  message: Promised,
): LeaderPhase {
  const follower = phase.followers.get(from);
  if (follower?.kind !== 'asked' || follower.sync !== message.sync) return phase;
  if (message.page !== follower.pages.length) return phase;
  const pages = [...follower.pages, message];
  if (!message.last) {
    phase.followers.set(from, { ...follower, pages, patience: renewed(follower.patience) });
    return phase;
  }
  const first = pages[0]?.first ?? message.first;
  const values = pages.flatMap((page) => page.values);
  const { patience } = follower;
  phase.followers.set(from, {
    kind: 'promised',
    sync: message.sync,
    promise: message,
    patience,
    first,
    values,
  });
  if (phase.kind === 'preparing') return lookForMajority(world, phase);
  bringInStep(world, phase, from, message, patience);
  return phase;
}

type PromisedFollower = Extract<Follower, { readonly kind: 'promised' }>;

const promisedFollowers = (phase: Preparing): [ReplicaId, PromisedFollower][] =>
  [...phase.followers].flatMap(([peer, follower]) =>
    follower.kind === 'promised' ? [[peer, follower]] : [],
  );

/** Leads, if a majority has promised and the best of their logs is at hand. */
export function lookForMajority(world: LeaderWorld, phase: Preparing): LeaderPhase {
  const { log, step, hasSpace } = world;
  const promises = promisedFollowers(phase);
  const counted = promises.filter(([, { promise }]) => promise.counted);
  const isMajority = counted.length + 1 >= majorityOf(world.members.length);
  if (!phase.ownPromised || !isMajority || !hasSpace) return phase;
  const adopted = { accepted: log.accepted, end: log.acceptedEnd };
  let best: [ReplicaId, PromisedFollower] | undefined;
  for (const candidate of counted) {
    const { accepted, acceptedEnd } = candidate[1].promise;
    const order = compareBallots(accepted, adopted.accepted) || acceptedEnd - adopted.end;
    if (order <= 0) continue;
    [adopted.accepted, adopted.end, best] = [accepted, acceptedEnd, candidate];
  }
  if (best !== undefined && best[1].promise.floor > best[1].first) {
    step.happened({ kind: 'behind', peer: best[0], floor: best[1].promise.floor });
    return phase;
  }
  const { first, values } = best?.[1] ?? { first: log.acceptedEnd, values: [] };
  return adopt(world, phase, adopted, first, values);
}

/** From here on this replica's log is the log. */
function adopt(
  world: LeaderWorld,
  phase: Preparing,
  adopted: Leading['adopted'],
  first: Slot,
  values: readonly Uint8Array[],
): Leading {
  const { log, step, me } = world;
  const { ballot, followers } = phase;
  step.record(...log.replace(ballot, first, values));
  const decidedEnds = promisedFollowers(phase).map(([, { promise }]) => promise.decidedEnd);
  const decidedEnd = Math.max(log.decidedEnd, ...decidedEnds);
  checkDecided(log.decidedEnd, decidedEnd, log.acceptedEnd);
  step.record(...log.decide(decidedEnd));
  step.tellSelfAfterSync({ kind: 'own-accepted', ballot, acceptedEnd: log.acceptedEnd });
  const leading: Leading = {
    kind: 'leading',
    ballot,
    adopted,
    followers,
    acceptedEnds: new Map([[me, 0]]),
  };
  for (const [peer, { promise, patience }] of promisedFollowers(phase)) {
    bringInStep(world, leading, peer, promise, patience);
  }
  return leading;
}

/** Sends a follower that has promised what its log lacks or has wrong. */
function bringInStep(
  world: LeaderWorld,
  phase: Leading,
  peer: ReplicaId,
  promise: Promised,
  before: Patience,
): void {
  const next = syncPoint(phase, promise);
  if (next < world.log.floor) {
    phase.followers.set(peer, { kind: 'behind' });
    world.step.send(peer, { kind: 'behind', ballot: phase.ballot, floor: world.log.floor });
    return;
  }
  const patience = renewed(before);
  sendPage(world, phase, peer, { kind: 'syncing', sync: promise.sync, page: 0, next, patience });
}

/**
 * The slot from which on a follower's log is replaced: logs accepted under one ballot are prefixes of one log; of others,
 * what is decided is the same. No choice lies below what the follower knows decided.
 */
function syncPoint({ ballot, adopted }: Leading, promise: Promised): Slot {
  const { accepted, acceptedEnd, decidedEnd } = promise;
  // What a log that may have holes says of its end is no word of what lies below.
  if (!promise.counted) return decidedEnd;
  if (compareBallots(accepted, ballot) === 0) return Math.max(acceptedEnd, decidedEnd);
  if (compareBallots(accepted, adopted.accepted) === 0) {
    return Math.max(Math.min(acceptedEnd, adopted.end), decidedEnd);
  }
  return decidedEnd;
}

type Syncing = Extract<Follower, { readonly kind: 'syncing' }>;

function sendPage(world: LeaderWorld, phase: Leading, peer: ReplicaId, follower: Syncing): void {
  const { log, step } = world;
  const { sync, page, next } = follower;
  const patience = renewed(follower.patience);
  const values = log.entries.page(next, limits.learnPageBytes);
  const end = next + values.length;
  // A follower may hold more than its leader, by a snapshot of what a later leader has decided.
  const last = end >= log.acceptedEnd;
  const { decidedEnd } = log;
  step.send(peer, {
    kind: 'accept-sync',
    ballot: phase.ballot,
    sync,
    page,
    first: next,
    values,
    last,
    decidedEnd,
  });
  if (last) {
    const inStep = { sync, counter: 0, sentEnd: end, toldDecidedEnd: decidedEnd, patience };
    phase.followers.set(peer, { kind: 'in-step', ...inStep });
  } else {
    phase.followers.set(peer, { kind: 'syncing', sync, page: page + 1, next: end, patience });
  }
}

export function onPageReceived(
  world: LeaderWorld,
  phase: Leading,
  from: ReplicaId,
  { sync, page }: PageReceived,
): void {
  const follower = phase.followers.get(from);
  if (follower?.kind !== 'syncing' || follower.sync !== sync || follower.page !== page + 1) return;
  if (follower.next < world.log.floor) prepare(world, phase, from);
  else sendPage(world, phase, from, follower);
}

/** Appends values and sends them to every follower in step. */
export function append(world: LeaderWorld, phase: Leading, values: readonly Uint8Array[]): void {
  const { log, step } = world;
  const { ballot } = phase;
  const first = log.acceptedEnd;
  step.record(...log.append(ballot, values));
  step.tellSelfAfterSync({ kind: 'own-accepted', ballot, acceptedEnd: log.acceptedEnd });
  for (const [peer, follower] of phase.followers) {
    if (follower.kind === 'in-step') sendAcceptDecide(world, phase, peer, follower, first, values);
  }
}

type InStep = Extract<Follower, { readonly kind: 'in-step' }>;

function sendAcceptDecide(
  { log, step }: LeaderWorld,
  { ballot }: Leading,
  peer: ReplicaId,
  follower: InStep,
  first: Slot,
  values: readonly Uint8Array[],
): void {
  // What waits for its answer from now on, waits from now on.
  if (follower.sentEnd === first && values.length > 0) follower.patience = renewed(follower.patience);
  const { decidedEnd } = log;
  follower.counter += 1;
  follower.sentEnd = first + values.length;
  follower.toldDecidedEnd = decidedEnd;
  const { sync, counter } = follower;
  step.send(peer, { kind: 'accept-decide', ballot, sync, counter, first, values, decidedEnd });
}

/** Tells the followers in step what has been decided since they were told last. */
export function tellDecided(world: LeaderWorld, phase: Leading): void {
  const { log } = world;
  for (const [peer, follower] of phase.followers) {
    if (follower.kind !== 'in-step' || follower.toldDecidedEnd >= log.decidedEnd) continue;
    sendAcceptDecide(world, phase, peer, follower, follower.sentEnd, []);
  }
}

/** A member, perhaps this one, has the log through `acceptedEnd` on disk: whatever a majority has is decided. */
export function onAccepted(
  { log, members, step }: LeaderWorld,
  phase: Leading,
  from: ReplicaId,
  { acceptedEnd }: Pick<Accepted, 'acceptedEnd'>,
): void {
  const { acceptedEnds, followers } = phase;
  // Under one ballot nobody's log shrinks, so an answer that is late says nothing new.
  acceptedEnds.set(from, Math.max(acceptedEnds.get(from) ?? 0, acceptedEnd));
  const follower = followers.get(from);
  if (follower?.kind === 'in-step') follower.patience = firstPatience();
  const sorted = [...acceptedEnds.values()].sort((left, right) => right - left);
  const decidedEnd = sorted[majorityOf(members.length) - 1] ?? 0;
  for (const record of log.decide(decidedEnd)) step.recordLazily(record);
}

/** A follower has promised a higher ballot. Answers whether a majority can still be with this leader. */
export function onNotAccepted(
  { members }: LeaderWorld,
  phase: LeaderPhase,
  from: ReplicaId,
  { promised }: NotAccepted,
): boolean {
  phase.followers.set(from, { kind: 'lost', promised });
  const lost = [...phase.followers.values()].filter(({ kind }) => kind === 'lost');
  return members.length - lost.length >= majorityOf(members.length);
}

/** Asks again where an answer has been waited for too long: something was lost. */
export function onLeaderTick(world: LeaderWorld, phase: LeaderPhase): void {
  for (const [peer, follower] of phase.followers) {
    switch (follower.kind) {
      case 'in-step': {
        const accepted = phase.kind === 'leading' ? (phase.acceptedEnds.get(peer) ?? 0) : 0;
        if (accepted >= follower.sentEnd) continue;
        break;
      }
      case 'asked':
      case 'syncing':
        break;
      default:
        continue;
    }
    follower.patience.leftTicks -= 1;
    if (follower.patience.leftTicks <= 0) prepare(world, phase, peer, longer(follower.patience));
  }
}
