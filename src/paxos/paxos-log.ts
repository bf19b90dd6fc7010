import { sameIdentity, type Batch } from '../log/batch.js';
import { LogError, type LogFailure } from '../log/errors.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import type { LogStatus, ReplicatedLog, StateMachine } from '../log/replicated-log.js';
import { decodeBatch, encodeBatch } from '../log/wire.js';
import type { Clock } from '../runtime/clock.js';
import { formatBallot } from './ballot.js';
import { DecisionWaits } from './decision-wait.js';
import { HoleFiller } from './hole-filler.js';
import type { PaxosPeer } from './peer.js';
import { ProposalQueue, type Proposal } from './proposal-queue.js';

export interface PaxosLogOptions<Result> {
  readonly peer: PaxosPeer;
  readonly stateMachine: StateMachine<Result>;
  readonly clock: Clock;
  /** Told of an apply that failed, after which this log is closed: going on would fork the state. */
  readonly fatal: (error: unknown) => void;
  readonly trace?: (event: string, details: Record<string, unknown>) => void;
}

/** How many open instances the status shows. */
const shownInstances = 64;

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
  readonly #closing = new AbortController();
  readonly #fatal: (error: unknown) => void;
  readonly #trace: (event: string, details: Record<string, unknown>) => void;
  /** The batches of this replica that are proposed and not yet applied, by number. */
  readonly #underWay = new Map<number, readonly Proposal<Result>[]>();
  #lastNumber = 0;
  #applied: Slot | undefined;
  #running = false;

  constructor(options: PaxosLogOptions<Result>) {
    this.#peer = options.peer;
    this.#stateMachine = options.stateMachine;
    this.#fatal = options.fatal;
    this.#trace = options.trace ?? (() => undefined);
    this.#holes = new HoleFiller({
      peer: options.peer,
      clock: options.clock,
      learnedThrough: () => options.peer.roster.learnedThrough,
      noOp: () => encodeBatch(this.#newBatch([])),
    });
    // Applied before the waits wake, so that a woken proposer sees its result settled.
    options.peer.onDecided((slot) => this.#decided(slot));
    this.#waits = new DecisionWaits(options.peer, options.clock);
  }

  propose(command: Uint8Array, signal: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closing.signal.aborted) throw new LogError({ kind: 'closed' });
      if (signal.aborted) throw new LogError({ kind: 'abandoned' });
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
          if ('result' in outcome) resolve(outcome.result);
          else reject(new LogError(outcome.failure));
        },
      };
      this.#queue.add(proposal);
      signal.addEventListener('abort', stopWaiting, { once: true });
      if (!this.#running) void this.#run();
    });
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
    this.#peer.close();
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: { kind: 'closed' } });
    for (const proposals of this.#underWay.values()) {
      for (const proposal of proposals) proposal.settle({ failure: underWay });
    }
    this.#underWay.clear();
  }

  /** Packs what waits into one batch after another, each driven to a slot of its own. */
  async #run(): Promise<void> {
    this.#running = true;
    while (this.#queue.commands > 0 && !this.#closing.signal.aborted) {
      const proposals = this.#queue.takeBatch();
      const batch = this.#newBatch(proposals.map(({ command }) => command));
      this.#underWay.set(batch.number, proposals);
      await this.#drive(batch);
    }
    this.#running = false;
  }

  /** Proposes a batch at one free slot after another until one is decided with it. */
  async #drive(batch: Batch): Promise<void> {
    const { signal } = this.#closing;
    const value = encodeBatch(batch);
    while (!signal.aborted) {
      const slot = await this.#freeSlot(signal);
      if (slot === undefined) return;
      this.#trace('propose', { slot, number: batch.number, commands: batch.commands.length });
      const status = await this.#waits.settled(slot, () => this.#peer.start(slot, value));
      if (status.kind === 'decided' && sameIdentity(decodeBatch(status.value), batch)) return;
      // Applied and forgotten between two looks: the identity was matched at apply.
      if (!this.#underWay.has(batch.number)) return;
    }
  }

  /**
   * The next slot nobody is known to use. No slot is started further than a window above what is applied;
   * until there is room, the lowest open slot is waited for.
   */
  async #freeSlot(signal: AbortSignal): Promise<Slot | undefined> {
    while (!signal.aborted) {
      const next = this.#peer.max() + 1;
      const lowest = (this.#applied ?? -1) + 1;
      if (next < lowest + limits.windowSlots) return next;
      this.#holes.mustReach(next - 1);
      await this.#waits.settled(lowest, () => undefined);
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
    try {
      this.#applyDecided();
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#end({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
      this.#fatal(error);
    }
  }

  /** Applies every slot that is decided and next; the application is then done with it (rule R10). */
  #applyDecided(): void {
    const before = this.#applied;
    for (let next = (before ?? -1) + 1; ; next += 1) {
      const status = this.#peer.status(next);
      if (status.kind !== 'decided') break;
      this.#applied = next;
      const batch = decodeBatch(status.value);
      const { origin, number, commands } = batch;
      this.#trace('apply', { slot: next, origin, number, commands: commands.length });
      const results = this.#stateMachine.apply(next, commands);
      this.#settle(batch, results);
    }
    if (this.#applied !== undefined && this.#applied !== before) this.#peer.done(this.#applied);
  }

  /** Hands out the results of the first apply of a batch of this process; later applies find nobody waiting. */
  #settle(batch: Batch, results: readonly Result[]): void {
    const { me, incarnation } = this.#peer.roster;
    if (batch.origin !== me || batch.incarnation !== incarnation) return;
    const proposals = this.#underWay.get(batch.number) ?? [];
    this.#underWay.delete(batch.number);
    proposals.forEach((proposal, index) => {
      const result = results[index];
      if (result === undefined)
        throw new Error(`batch ${batch.number} came back without a result for each command`);
      proposal.settle({ result });
    });
  }
}
