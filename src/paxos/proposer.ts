import type { Enveloped } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import type { VotingGate } from '../log/voting-gate.js';
import type { Call } from '../rpc/link.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Ballot } from '../log/ballot.js';
import { checkFreshBallot } from './invariants.js';
import type { Trace } from '../log/trace.js';
import type { Accept, AcceptReply, PaxosLink, Prepare, PrepareReply } from './messages.js';
import { beginRound, onAcceptReply, onPrepareReply, type Round } from './round.js';

/** What a proposer needs of its peer: its own acceptor, which is called and never dialled, and the ways out. */
export interface ProposerWorld {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, PaxosLink>;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a peer may take to answer before its message counts as lost. */
  readonly roundTimeoutMs: number;
  /** Whether this replica may propose yet; until then a proposer waits for `opened`. */
  readonly gate: VotingGate;
  /**
   * Resolves with true when the round is on disk; a Prepare that bears it leaves no earlier (rules R2, R4). With false
   * if there is no space to write it down.
   */
  readonly recordRound: (slot: Slot, round: number) => Promise<boolean>;
  readonly ownPrepare: (request: Prepare) => Promise<PrepareReply>;
  readonly ownAccept: (request: Accept) => Promise<AcceptReply>;
  /** Takes in the header of a reply. @throws PeerRefusal */
  readonly admitReply: (header: Enveloped<unknown>['header']) => void;
  /** The instance is decided: keep the value here and tell the others. */
  readonly decided: (slot: Slot, value: Uint8Array) => void;
  /** A peer has forgotten the slot that this proposer worked on. */
  readonly behind: (peer: ReplicaId, slot: Slot, floor: Slot) => void;
  readonly trace: Trace;
}

const firstBackoffMs = 10;
const backoffLimitMs = 300;

/**
 * A random wait that doubles, so that proposers which collided once draw apart. They do so only if it is long beside
 * what they collided with: `tookMs`, a whole round, which is long where disks are slow.
 */
export const backoffMs = (attempt: number, random: Random, tookMs = 0): number =>
  random.between(0.3, 1) * Math.min(Math.max(firstBackoffMs, tookMs) * 2 ** attempt, backoffLimitMs);

/** A call, because the compiler takes the property for unchanged across an await. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted;

/**
 * Drives one instance to agreement: ballot after ballot, until it is decided, forgotten, or `signal` aborts.
 * Seed 002, hint 10: a proposer per undecided instance "whose job is to eventually drive the instance to
 * agreement".
 * @param above the highest round that this replica may have used or promised in this instance; the first ballot lies
 * above it
 */
export async function propose(
  world: ProposerWorld,
  slot: Slot,
  value: Uint8Array,
  above: number,
  signal: AbortSignal,
): Promise<void> {
  if (!world.gate.isOpen) await world.gate.opened;
  let last: Ballot | undefined;
  /** To be asked with again: nothing but Prepare was sent under it. */
  let unanswered: Ballot | undefined;
  let highestRound = above;
  for (let attempt = 0; !isAborted(signal); attempt += 1) {
    const ballot: Ballot = unanswered ?? { round: highestRound + 1, replica: world.roster.me };
    if (ballot !== unanswered) {
      checkFreshBallot(slot, last, ballot);
      if (!(await world.recordRound(slot, ballot.round))) {
        await world.clock.sleep(backoffMs(attempt, world.random), signal);
        continue;
      }
      if (isAborted(signal)) return;
      last = ballot;
    }
    const beganMs = world.clock.now();
    const outcome = await runRound(world, slot, ballot, value, signal);
    let collidedForMs = 0;
    world.trace('round', { slot, round: ballot.round, outcome: outcome.phase });
    if (isAborted(signal)) return;
    unanswered = undefined;
    switch (outcome.phase) {
      case 'chosen':
      case 'learned':
        world.decided(slot, outcome.value);
        return;
      case 'behind':
        world.behind(outcome.from, slot, outcome.floor);
        return;
      case 'lost':
        highestRound = Math.max(ballot.round, outcome.highestPromised?.round ?? 0);
        collidedForMs = world.clock.now() - beganMs;
        break;
      case 'preparing':
        // A duplicate to whoever has promised it (rule R4): without a majority nobody's log grows.
        unanswered = ballot;
        break;
      case 'accepting':
        highestRound = ballot.round;
    }
    await world.clock.sleep(backoffMs(attempt, world.random, collidedForMs), signal);
  }
}

async function runRound(
  world: ProposerWorld,
  slot: Slot,
  ballot: Ballot,
  value: Uint8Array,
  signal: AbortSignal,
): Promise<Round> {
  const { majority } = world.roster;
  const prepared = await broadcast<Prepare, PrepareReply>(world, {
    from: beginRound(ballot),
    request: { slot, ballot },
    own: world.ownPrepare,
    call: (link) => link.prepare,
    sent: 'prepare-sent',
    fold: (round, replica, reply) => onPrepareReply(round, majority, replica, reply, value),
    signal,
  });
  if (prepared.phase !== 'accepting' || signal.aborted) return prepared;
  return broadcast<Accept, AcceptReply>(world, {
    from: prepared,
    request: { slot, ballot, value: prepared.value },
    own: world.ownAccept,
    call: (link) => link.accept,
    sent: 'accept-sent',
    fold: (round, replica, reply) => onAcceptReply(round, majority, replica, reply),
    signal,
  });
}

interface Broadcast<Request extends Prepare, Reply> {
  readonly from: Round;
  readonly request: Request;
  readonly own: (request: Request) => Promise<Reply>;
  readonly call: (link: PaxosLink) => Call<Enveloped<Request>, Enveloped<Reply>>;
  /** The name of the moment when the request has gone out to one peer. */
  readonly sent: string;
  readonly fold: (round: Round, replica: ReplicaId, reply: Reply) => Round;
  readonly signal: AbortSignal;
}

/**
 * Sends one request to every acceptor, its own included, and folds the answers in as they come. Resolves as
 * soon as the round has left its phase, or when nobody is left to answer: it never waits for the slowest.
 */
function broadcast<Request extends Prepare, Reply>(
  world: ProposerWorld,
  plan: Broadcast<Request, Reply>,
): Promise<Round> {
  const { roster, links, roundTimeoutMs } = world;
  return new Promise((resolve) => {
    let round = plan.from;
    let unanswered = links.size + 1;
    const finish = () => {
      plan.signal.removeEventListener('abort', finish);
      resolve(round);
    };
    const answered = (replica: ReplicaId, reply: Reply | undefined) => {
      unanswered -= 1;
      if (reply !== undefined) round = plan.fold(round, replica, reply);
      if (round.phase !== plan.from.phase || unanswered === 0) finish();
    };
    for (const [replica, link] of links) {
      plan
        .call(link)(roster.envelope(replica, plan.request), { timeoutMs: roundTimeoutMs })
        .then(({ header, body }) => {
          world.admitReply(header);
          return body;
        })
        .then(
          (body) => answered(replica, body),
          () => answered(replica, undefined),
        );
      world.trace(plan.sent, { slot: plan.request.slot, round: plan.request.ballot.round, to: replica });
    }
    plan.own(plan.request).then(
      (reply) => answered(roster.me, reply),
      () => answered(roster.me, undefined),
    );
    plan.signal.addEventListener('abort', finish);
  });
}
