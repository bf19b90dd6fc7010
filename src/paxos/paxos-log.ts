import { ApplyLoop } from '../log/apply-loop.js';
import { formatBallot } from '../log/ballot.js';
import { sameIdentity, type Batch } from '../log/batch.js';
import { enqueue } from '../log/enqueue.js';
import { LogError, noSpace, type LogFailure } from '../log/errors.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import { OwnBatches } from '../log/own-batches.js';
import { ProposalQueue } from '../log/proposal-queue.js';
import type { LogStatus, ReplicatedLog } from '../log/replicated-log.js';
import type { StateMachine } from '../log/state-machine.js';
import type { Trace } from '../log/trace.js';
import { UnderWay } from '../log/under-way.js';
import { decodeBatch, encodeBatch } from '../log/wire.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import { DecisionWaits } from './decision-wait.js';
import { HoleFiller } from './hole-filler.js';
import type { PaxosPeer } from './peer.js';
import type { BehindListener } from './peer-options.js';
import { ReadBarrier } from './read-barrier.js';

export interface PaxosLogOptions<Result> {
  readonly peer: PaxosPeer;
  readonly stateMachine: StateMachine<Result>;
  readonly clock: Clock;
  readonly random: Random;
  /** The last slot that the state machine covers already; default: none. */
  readonly recoveredThrough?: Slot;
  /** Told of a peer that has forgotten what is missing here, so that a snapshot is needed. */
  readonly behind?: BehindListener;
  /** Told of an apply that failed, after which this log is closed: going on would fork the state. */
  readonly fatal: (error: unknown) => void;
  readonly trace?: Trace;
}

/** How many open instances the status shows. */
const shownInstances = 64;

/**
 * The replicated log of the paxos engine: one instance a slot, one batch of this replica under way at a time,
 * decided slots applied in order (seeds 000 and 002: "try to assign the next available Paxos instance").
 */
export class PaxosLog<Result> implements ReplicatedLog<Result> {
  readonly #peer: PaxosPeer;
  readonly #queue = new ProposalQueue<Result>();
  readonly #waits: DecisionWaits;
  readonly #holes: HoleFiller;
  readonly #loop: ApplyLoop<Result>;
  readonly #barrier: ReadBarrier;
  readonly #closing = new AbortController();
  readonly #fatal: (error: unknown) => void;
  readonly #trace: Trace;
  readonly #batches: OwnBatches;
  readonly #underWay = new UnderWay<Result>();
  #running = false;

  constructor(options: PaxosLogOptions<Result>) {
    const { peer, stateMachine, clock, random, recoveredThrough, trace = () => undefined } = options;
    const { roster } = peer;
    this.#peer = peer;
    this.#fatal = options.fatal;
    this.#trace = trace;
    this.#batches = new OwnBatches(roster);
    this.#loop = new ApplyLoop({
      roster,
      stateMachine,
      clock,
      underWay: this.#underWay,
      recoveredThrough,
      awaitsReplay: peer.isRecovered || recoveredThrough !== undefined,
      decided: (slot) => this.#valueOf(slot),
      progressed: () => this.#tellDone(),
      failed: (error) => this.#failed(error),
      trace,
    });
    this.#holes = new HoleFiller({
      peer,
      clock,
      learnedThrough: () => roster.learnedThrough,
      noOp: () => encodeBatch(this.#batches.make([])),
    });
    // Applied before the waits wake, so that a woken proposer sees its result settled.
    peer.onDecided((slot) => this.#decided(slot));
    peer.onDurablyLearned(() => this.#tellDone());
    if (options.behind !== undefined) peer.onBehind(options.behind);
    this.#waits = new DecisionWaits(peer, clock);
    this.#barrier = new ReadBarrier({ peer, clock, random, trace, reached: (slot) => this.#reached(slot) });
  }

  /**
   * Applies what was recovered, in slices that let other work in between; to be awaited before the peer speaks. First
   * the floor rises above what the state machine covers, if the peer does not know all of that decided. If `applied` is
   * still below the floor afterwards, the rest must be installed from a peer's snapshot.
   */
  async replay(): Promise<void> {
    const covered = this.applied;
    if (covered !== undefined && covered > (this.#peer.roster.learnedThrough ?? -1)) {
      await this.#peer.install(covered);
    }
    await this.#loop.replay();
  }

  propose(command: Uint8Array, signal: AbortSignal): Promise<Result> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(new LogError(refusal));
    const answer = enqueue(this.#queue, command, signal, () => this.#trace('reply-settled', {}));
    if (!this.#running) void this.#run();
    return answer;
  }

  /** Why no command is queued now, if none is. */
  #refusal(): LogFailure | undefined {
    if (this.#closing.signal.aborted) return { kind: 'closed' };
    return this.#peer.hasSpace ? undefined : noSpace;
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
  spaceVanished(): void {
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: noSpace });
  }

  get reach(): Slot | undefined {
    return this.#peer.reach;
  }

  get applied(): Slot | undefined {
    return this.#loop.applied;
  }

  heardReach(peer: ReplicaId, reach: Slot): void {
    if (reach <= (this.#peer.roster.learnedThrough ?? -1)) return;
    this.#holes.mustReach(reach);
    void this.#holes.learnFrom(peer, reach);
  }

  status(): LogStatus {
    const max = this.#peer.max();
    return {
      min: this.#peer.min(),
      max: max < 0 ? undefined : max,
      applied: this.applied,
      floor: this.#peer.floor,
      held: this.#peer.heldInstances,
      heldBytes: this.#peer.heldBytes,
      queuedCommands: this.#queue.commands,
      queuedBytes: this.#queue.bytes,
      open: this.#peer
        .openInstances()
        .slice(0, shownInstances)
        .map(([slot, { acceptor, proposing }]) => ({
          slot,
          promised: acceptor.phase === 'open' ? formatBallot(acceptor.promised) : '',
          accepted: acceptor.phase === 'open' ? formatBallot(acceptor.vote?.ballot) : '',
          proposing: proposing !== undefined,
        })),
    };
  }

  close(): Promise<void> {
    if (!this.#closing.signal.aborted) this.#end({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
    return Promise.resolve();
  }

  #end(underWay: LogFailure): void {
    this.#closing.abort();
    this.#holes.close();
    this.#waits.close();
    this.#loop.close();
    this.#barrier.close();
    this.#peer.close();
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: { kind: 'closed' } });
    this.#underWay.failAll(underWay);
  }

  /** Packs what waits into one batch after another, each driven to a slot of its own. */
  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.commands > 0 && !this.#closing.signal.aborted) {
      const proposals = this.#queue.takeBatch();
      const batch = this.#batches.make(proposals.map(({ command }) => command));
      this.#underWay.add(batch.number, proposals);
      await this.#drive(batch);
      if (!this.#peer.hasSpace) this.spaceVanished();
    }
    this.#running = false;
  }

  /**
   * Proposes a batch at one free slot after another until one is decided with it. A slot that is forgotten meanwhile was
   * decided with something else, unless the batch has been settled (rule R3); so between two slots it is proposed nowhere.
   */
  async #drive(batch: Batch): Promise<void> {
    const { signal } = this.#closing;
    const { number } = batch;
    const value = encodeBatch(batch);
    while (!signal.aborted && this.#underWay.has(number)) {
      const slot = await this.#freeSlot(signal);
      if (slot === undefined) return;
      if (!this.#peer.hasSpace) {
        this.#underWay.fail(number, noSpace);
        return;
      }
      this.#underWay.proposedAt(number, slot);
      this.#peer.start(slot, value);
      this.#trace('proposed', { slot, number, commands: batch.commands.length });
      const status = await this.#waits.settled(slot, () => this.#peer.start(slot, value));
      if (status.kind === 'decided' && sameIdentity(decodeBatch(status.value), batch)) return;
    }
  }

  /**
   * The next slot nobody is known to use. No slot is started further than a window above what is applied;
   * until there is room, the lowest open slot is waited for.
   */
  async #freeSlot(signal: AbortSignal): Promise<Slot | undefined> {
    while (!signal.aborted) {
      const next = Math.max(this.#peer.max() + 1, this.#peer.floor);
      const lowest = this.#loop.next;
      if (next < lowest + limits.windowSlots) return next;
      this.#holes.mustReach(next - 1);
      const { kind } = await this.#waits.settled(lowest, () => undefined);
      // Forgotten here and not applied: only a snapshot brings it.
      if (kind === 'forgotten') await this.#loop.reached(lowest);
    }
    return undefined;
  }

  #decided(slot: Slot): void {
    this.#holes.mustReach(slot);
    this.#loop.advance();
  }

  /** Resolves when every slot up to `slot` is applied; what is missing on the way is learned or filled. */
  #reached(slot: Slot): Promise<void> {
    if (slot > (this.#peer.roster.learnedThrough ?? -1)) this.#holes.reachNow(slot);
    return this.#loop.reached(slot);
  }

  #failed(error: unknown): void {
    this.#end({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
    this.#fatal(error);
  }

  /** What is decided at a slot, if it is known. */
  #valueOf(slot: Slot): Uint8Array | undefined {
    const status = this.#peer.status(slot);
    switch (status.kind) {
      case 'decided':
        return status.value;
      case 'forgotten':
        return this.#peer.takeUnapplied(slot);
      case 'pending':
        return undefined;
    }
  }

  /** The application is done with what is applied, as soon as it could be applied again from disk (rule R10). */
  #tellDone(): void {
    const durable = this.#peer.durablyLearnedThrough;
    if (this.applied === undefined || durable === undefined) return;
    this.#peer.done(Math.min(this.applied, durable));
  }
}
