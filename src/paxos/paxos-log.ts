import { sameIdentity, type Batch } from '../log/batch.js';
import { LogError, type LogFailure } from '../log/errors.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { LogStatus, ReplicatedLog } from '../log/replicated-log.js';
import type { StateMachine } from '../log/state-machine.js';
import { decodeBatch, encodeBatch } from '../log/wire.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import { AppliedWaits } from '../log/applied-waits.js';
import { formatBallot } from '../log/ballot.js';
import { DecisionWaits } from './decision-wait.js';
import { HoleFiller } from './hole-filler.js';
import type { Trace } from '../log/trace.js';
import type { PaxosPeer } from './peer.js';
import type { BehindListener } from './peer-options.js';
import { ProposalQueue, type Proposal } from '../log/proposal-queue.js';
import { ReadBarrier } from './read-barrier.js';
import { UnderWay } from '../log/under-way.js';

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
/** How long recovered slots are applied before other work has its turn. */
const replaySliceMs = 5;

/** More batches than a process makes between two starts. */
const numbersPerStart = 2 ** 32;

const noSpace: LogFailure = {
  kind: 'refused',
  reason: 'no-space',
  detail:
    'the disk of this replica is full: it takes no writes until there is space again. Try another replica',
};

/**
 * The replicated log of the paxos engine: one instance a slot, one batch of this replica under way at a time,
 * decided slots applied in order (seeds 000 and 002: "try to assign the next available Paxos instance").
 */
export class PaxosLog<Result> implements ReplicatedLog<Result> {
  readonly #peer: PaxosPeer;
  readonly #stateMachine: StateMachine<Result>;
  readonly #queue = new ProposalQueue<Result>();
  readonly #waits: DecisionWaits;
  readonly #holes: HoleFiller;
  readonly #appliedWaits = new AppliedWaits();
  readonly #barrier: ReadBarrier;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  readonly #fatal: (error: unknown) => void;
  readonly #trace: Trace;
  readonly #underWay = new UnderWay<Result>();
  #lastNumber: number;
  #applied: Slot | undefined;
  #running = false;
  /** What was recovered waits for `replay`; until then nothing is applied. */
  #replayed: boolean;

  constructor(options: PaxosLogOptions<Result>) {
    const { peer, clock, random, trace = () => undefined } = options;
    this.#peer = peer;
    this.#clock = clock;
    this.#stateMachine = options.stateMachine;
    this.#fatal = options.fatal;
    this.#trace = trace;
    // The incarnation of a durable replica is that of its directory, which outlives the process: a batch of an earlier
    // start may yet be decided, and must not be taken for one of this start (rule R9).
    this.#lastNumber = numbersPerStart * peer.roster.bootCounter;
    this.#applied = options.recoveredThrough;
    if (this.#applied !== undefined) this.#appliedWaits.advance(this.#applied);
    this.#replayed = !peer.isRecovered && options.recoveredThrough === undefined;
    this.#holes = new HoleFiller({
      peer,
      clock,
      learnedThrough: () => peer.roster.learnedThrough,
      noOp: () => encodeBatch(this.#newBatch([])),
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
    const covered = this.#applied;
    if (covered !== undefined && covered > (this.#peer.roster.learnedThrough ?? -1)) {
      await this.#peer.install(covered);
    }
    this.#guarded(() => this.#tellDone());
    while (!this.#closing.signal.aborted) {
      const endMs = this.#clock.now() + replaySliceMs;
      if (!this.#guarded(() => this.#applyUntil(() => this.#clock.now() >= endMs))) break;
      await this.#clock.sleep(0);
    }
    this.#replayed = true;
  }

  propose(command: Uint8Array, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closing.signal.aborted) throw new LogError({ kind: 'closed' });
      if (signal.aborted) throw new LogError({ kind: 'abandoned' });
      if (!this.#peer.hasSpace) throw new LogError(noSpace);
      const stopWaiting = () => {
        const withdrawn = this.#queue.remove(proposal);
        proposal.settle({
          failure: withdrawn ? { kind: 'abandoned' } : { kind: 'outcome-unknown', stage: 'proposed' },
        });
      };
      const proposal: Proposal<Result> = {
        command,
        settle: (outcome) => {
          signal.removeEventListener('abort', stopWaiting);
          if ('result' in outcome) {
            resolve(outcome.result);
            this.#trace('reply-settled', {});
          } else reject(new LogError(outcome.failure));
        },
      };
      this.#queue.add(proposal);
      signal.addEventListener('abort', stopWaiting, { once: true });
      if (!this.#running) void this.#run();
    });
  }

  readBarrier(signal: AbortSignal): Promise<void> {
    return this.#barrier.wait(signal);
  }

  async cut(through: Slot): Promise<void> {
    if (through > (this.#applied ?? -1)) {
      throw new RangeError(
        `cannot cut through slot ${through}: only slots through ${this.#applied ?? 'none'} are applied`,
      );
    }
    await this.#peer.cut(through);
  }

  async install(through: Slot, install: () => void): Promise<void> {
    if (through <= (this.#applied ?? -1)) return;
    await this.#peer.install(through, () => this.#guarded(() => this.#installed(through, install)));
  }

  /** The disk is full: what waits to be proposed is refused, and has certainly not been executed (rule R15). */
  spaceVanished(): void {
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: noSpace });
  }

  get reach(): Slot | undefined {
    return this.#peer.reach;
  }

  get applied(): Slot | undefined {
    return this.#applied;
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
      applied: this.#applied,
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
    this.#appliedWaits.close();
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
      const batch = this.#newBatch(proposals.map(({ command }) => command));
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
      const lowest = (this.#applied ?? -1) + 1;
      if (next < lowest + limits.windowSlots) return next;
      this.#holes.mustReach(next - 1);
      const { kind } = await this.#waits.settled(lowest, () => undefined);
      // Forgotten here and not applied: only a snapshot brings it.
      if (kind === 'forgotten') await this.#appliedWaits.reached(lowest);
    }
    return undefined;
  }

  #newBatch(commands: readonly Uint8Array[]): Batch {
    this.#lastNumber += 1;
    const { me, incarnation } = this.#peer.roster;
    return { origin: me, incarnation, number: this.#lastNumber, commands };
  }

  #decided(slot: Slot): void {
    this.#holes.mustReach(slot);
    if (this.#replayed) this.#guarded(() => this.#applyUntil(() => false));
  }

  /** Resolves when every slot up to `slot` is applied; what is missing on the way is learned or filled. */
  #reached(slot: Slot): Promise<void> {
    if (slot > (this.#peer.roster.learnedThrough ?? -1)) this.#holes.reachNow(slot);
    return this.#appliedWaits.reached(slot);
  }

  /** Runs what changes the state; if that fails this replica must not go on. */
  #guarded<Answer>(change: () => Answer): Answer | undefined {
    try {
      return change();
    } catch (error) {
      if (this.#closing.signal.aborted) return undefined;
      this.#end({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
      this.#fatal(error);
      return undefined;
    }
  }

  /** Applies slots that are decided and next until `isEnough`. Answers whether it ended so. */
  #applyUntil(isEnough: () => boolean): boolean {
    const before = this.#applied;
    let value: Uint8Array | undefined;
    while ((value = this.#next()) !== undefined) {
      this.#apply((this.#applied ?? -1) + 1, decodeBatch(value));
      if (isEnough()) break;
    }
    if (this.#applied !== before) this.#tellDone();
    return value !== undefined;
  }

  /** The value to apply next, if it is known. */
  #next(): Uint8Array | undefined {
    const next = (this.#applied ?? -1) + 1;
    const status = this.#peer.status(next);
    switch (status.kind) {
      case 'decided':
        return status.value;
      case 'forgotten':
        return this.#peer.takeUnapplied(next);
      case 'pending':
        return undefined;
    }
  }

  #apply(slot: Slot, batch: Batch): void {
    const { origin, incarnation, number, commands } = batch;
    this.#applied = slot;
    const results = this.#stateMachine.apply(slot, commands);
    this.#trace('applied', { slot, origin, number, commands: commands.length });
    this.#appliedWaits.advance(slot);
    const { roster } = this.#peer;
    if (origin === roster.me && incarnation === roster.incarnation) this.#underWay.settle(batch, results);
  }

  /** A snapshot takes the place of the state, all in one turn (rule R12). */
  #installed(through: Slot, install: () => void): void {
    if (this.#closing.signal.aborted || through <= (this.#applied ?? -1)) return;
    install();
    this.#applied = through;
    this.#trace('installed', { through });
    this.#underWay.installed(through, (command) => this.#stateMachine.recorded(command));
    this.#appliedWaits.advance(through);
    this.#tellDone();
    if (this.#replayed) this.#applyUntil(() => false);
  }

  /** The application is done with what is applied, as soon as it could be applied again from disk (rule R10). */
  #tellDone(): void {
    const durable = this.#peer.durablyLearnedThrough;
    if (this.#applied === undefined || durable === undefined) return;
    this.#peer.done(Math.min(this.#applied, durable));
  }
}
