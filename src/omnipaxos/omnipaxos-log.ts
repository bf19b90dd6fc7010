import { ApplyLoop } from '../log/apply-loop.js';
import { formatBallot } from '../log/ballot.js';
import { enqueue } from '../log/enqueue.js';
import { LogError, noSpace, type LogFailure } from '../log/errors.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { OwnBatches } from '../log/own-batches.js';
import { ProposalQueue } from '../log/proposal-queue.js';
import type { LogStatus, OpenSlot, ReplicatedLog } from '../log/replicated-log.js';
import type { StateMachine } from '../log/state-machine.js';
import type { Trace } from '../log/trace.js';
import { UnderWay } from '../log/under-way.js';
import { encodeBatch } from '../log/wire.js';
import type { Clock } from '../runtime/clock.js';
import { LeaderPatience } from './leader-patience.js';
import type { OmnipaxosPeer } from './peer.js';
import { ReadBarrier } from './read-barrier.js';

export interface OmnipaxosLogOptions<Result> {
  readonly peer: OmnipaxosPeer;
  readonly stateMachine: StateMachine<Result>;
  readonly clock: Clock;
  /** The last slot that the state machine covers already; default: none. */
  readonly recoveredThrough?: Slot;
  /** Told of a peer that no longer holds what is missing here below `floor`, so that a snapshot is needed. */
  readonly behind: (peer: ReplicaId, floor: Slot) => void;
  /** Told of an apply that failed, after which this log is closed: going on would fork the state. */
  readonly fatal: (error: unknown) => void;
  readonly trace?: Trace;
}

/** How many open slots the status shows. */
const shownSlots = 64;

/** How many election timeouts calls wait when no leader is known. */
const patienceTimeouts = 5;

/** Batches on their way at once; what arrives meanwhile shares the next one. */
const pipelinedBatches = 4;

/**
 * The replicated log of the omnipaxos engine: the leader packs what waits into batches, several on their way at once, and
 * every replica applies what is decided in order. Whoever does not lead says who does.
 */
export class OmnipaxosLog<Result> implements ReplicatedLog<Result> {
  readonly #peer: OmnipaxosPeer;
  readonly #queue = new ProposalQueue<Result>();
  readonly #underWay = new UnderWay<Result>();
  readonly #batches: OwnBatches;
  readonly #loop: ApplyLoop<Result>;
  readonly #barrier: ReadBarrier;
  readonly #patience: LeaderPatience;
  readonly #fatal: (error: unknown) => void;
  readonly #trace: Trace;
  #isPumpDue = false;
  #closed = false;

  constructor(options: OmnipaxosLogOptions<Result>) {
    const { peer, stateMachine, clock, recoveredThrough, behind, trace = () => undefined } = options;
    this.#peer = peer;
    this.#fatal = options.fatal;
    this.#trace = trace;
    this.#batches = new OwnBatches(peer.roster);
    this.#loop = new ApplyLoop({
      roster: peer.roster,
      stateMachine,
      clock,
      underWay: this.#underWay,
      recoveredThrough,
      awaitsReplay: peer.isRecovered || recoveredThrough !== undefined,
      decided: (slot) => peer.decided(slot),
      progressed: () => this.#tellDone(),
      failed: (error) => this.#failed(error),
      trace,
    });
    this.#patience = new LeaderPatience({
      clock,
      limitMs: patienceTimeouts * peer.electionTimeoutMs,
      isLeaderless: () => peer.leadership.kind === 'following' && peer.leadership.leader === undefined,
      ended: () => {
        this.#turnAway();
        this.#barrier.turnAway();
      },
    });
    this.#barrier = new ReadBarrier({
      peer,
      mayWait: () => this.#mayWait(),
      reached: (slot) => this.#loop.reached(slot),
      notLeader: () => this.#notLeader(),
      trace,
    });
    peer.onDecided(() => {
      this.#loop.advance();
      this.#pumpSoon();
    });
    peer.onDurablyDecided(() => this.#tellDone());
    peer.onLeadership(() => this.#leadershipChanged());
    peer.onHappening((happening) => {
      if (happening.kind === 'behind') behind(happening.peer, happening.floor);
    });
  }

  /**
   * Applies what was recovered, in slices; to be awaited before the peer speaks. First the floor rises above what the
   * state machine covers, if the log does not say that all of it is decided.
   */
  async replay(): Promise<void> {
    const covered = this.applied;
    if (covered !== undefined && covered >= this.#peer.decidedEnd) await this.#peer.install(covered);
    await this.#loop.replay();
  }

  propose(command: Uint8Array, signal: AbortSignal): Promise<Result> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(new LogError(refusal));
    const answer = enqueue(this.#queue, command, signal, () => this.#trace('reply-settled', {}));
    this.#pumpSoon();
    return answer;
  }

  readBarrier(signal: AbortSignal): Promise<void> {
    return this.#barrier.wait(signal);
  }

  async cut(through: Slot): Promise<void> {
    this.#loop.checkApplied(through);
    await this.#peer.cut(through);
  }

  async install(through: Slot, install: () => void): Promise<void> {
    if (through < this.#loop.next) return;
    await this.#peer.install(through, () => this.#loop.install(through, install));
  }

  /** The disk is full: what waits to be proposed is refused, and has certainly not been executed (rule R15). */
  #spaceVanished(): void {
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: noSpace });
  }

  get reach(): Slot | undefined {
    const { acceptedEnd } = this.#peer;
    return acceptedEnd === 0 ? undefined : acceptedEnd - 1;
  }

  get applied(): Slot | undefined {
    return this.#loop.applied;
  }

  /** A leader brings every follower in step; there is nothing to ask for. */
  heardReach(): void {
    return;
  }

  status(): LogStatus {
    const { floor, held, roster } = this.#peer;
    return {
      min: roster.done.min(),
      max: this.reach,
      applied: this.applied,
      floor,
      held: held.slots,
      heldBytes: held.bytes,
      queuedCommands: this.#queue.commands,
      queuedBytes: this.#queue.bytes,
      open: this.#openSlots(),
    };
  }

  close(): Promise<void> {
    if (!this.#closed) this.#end({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
    return Promise.resolve();
  }

  #end(underWay: LogFailure): void {
    this.#closed = true;
    this.#loop.close();
    this.#barrier.close();
    this.#patience.close();
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: { kind: 'closed' } });
    this.#underWay.failAll(underWay);
    this.#peer.close();
  }

  #failed(error: unknown): void {
    this.#end({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
    this.#fatal(error);
  }

  /** Why no command is queued now, if none is. */
  #refusal(): LogFailure | undefined {
    if (this.#closed) return { kind: 'closed' };
    if (!this.#mayWait()) return this.#notLeader();
    return this.#peer.hasSpace ? undefined : noSpace;
  }

  /** Whether a call may wait here: this replica leads or is about to, or nobody is known to yet. */
  #mayWait(): boolean {
    const { leadership } = this.#peer;
    if (leadership.kind !== 'following') return true;
    return leadership.leader === undefined && !this.#patience.isOver;
  }

  #notLeader(): LogFailure {
    const { leadership, roster } = this.#peer;
    const leader = leadership.kind === 'following' ? leadership.leader : undefined;
    return { kind: 'not-leader', hint: leader === undefined ? undefined : roster.addressOf(leader) };
  }

  /** Packs what waits into batches, at the end of this turn, so that what comes together goes together. */
  #pumpSoon(): void {
    if (this.#isPumpDue || this.#closed) return;
    this.#isPumpDue = true;
    void Promise.resolve().then(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#closed && this.#queue.commands > 0 && this.#hasRoom()) {
      if (!this.#peer.hasSpace) {
        this.#spaceVanished();
        return;
      }
      const proposals = this.#queue.takeBatch();
      const batch = this.#batches.make(proposals.map(({ command }) => command));
      const slot = this.#peer.acceptedEnd;
      this.#underWay.add(batch.number, proposals);
      this.#underWay.proposedAt(batch.number, slot);
      this.#trace('proposed', { slot, number: batch.number, commands: batch.commands.length });
      this.#peer.proposal(encodeBatch(batch));
    }
  }

  #hasRoom(): boolean {
    const { leadership, acceptedEnd, decidedEnd } = this.#peer;
    return leadership.kind === 'leading' && acceptedEnd - decidedEnd < pipelinedBatches;
  }

  #leadershipChanged(): void {
    if (this.#closed) return;
    this.#patience.look();
    if (this.#peer.leadership.kind === 'leading') {
      this.#pumpSoon();
      return;
    }
    // What is on its way may yet be decided, by whoever leads next.
    this.#underWay.failAll({ kind: 'outcome-unknown', stage: 'leadership-lost' });
    if (!this.#mayWait()) this.#turnAway();
  }

  /** What is queued goes to another replica; it has certainly not been executed. */
  #turnAway(): void {
    const failure = this.#notLeader();
    for (const proposal of this.#queue.drain()) proposal.settle({ failure });
  }

  /** The application is done with what is applied, as soon as it could be applied again from disk (rule R10). */
  #tellDone(): void {
    const through = Math.min(this.#loop.next, this.#peer.durablyDecidedEnd) - 1;
    if (through >= 0) this.#peer.done(through);
  }

  #openSlots(): OpenSlot[] {
    const { decidedEnd, acceptedEnd, replica } = this.#peer;
    const { promised, accepted } = replica.log;
    const count = Math.min(acceptedEnd - decidedEnd, shownSlots);
    return Array.from({ length: count }, (_, index) => ({
      slot: decidedEnd + index,
      promised: formatBallot(promised),
      accepted: formatBallot(accepted),
      proposing: replica.phase.kind === 'leading',
    }));
  }
}
