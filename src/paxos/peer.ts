import type { Enveloped, Header } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { limits } from '../log/limits.js';
import { PeerRefusal, type Roster } from '../log/roster.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import { releaseReply, type Journal } from '../storage/journal.js';
import { behind, onAccept, onDecide, onPrepare, type AcceptorState, type Transition } from './acceptor.js';
import { checkDecision } from './invariants.js';
import { Instances, type Instance } from './instances.js';
import type {
  Accept,
  AcceptReply,
  Behind,
  Decide,
  DecideReply,
  Learn,
  LearnReply,
  PaxosLink,
  PaxosRecord,
  Prepare,
  PrepareReply,
} from './messages.js';
import { propose, type ProposerWorld } from './proposer.js';

/** What a peer knows of one instance. */
export type InstanceStatus =
  | { readonly kind: 'decided'; readonly value: Uint8Array }
  | { readonly kind: 'pending' }
  | { readonly kind: 'forgotten' };

export interface PaxosPeerOptions {
  readonly roster: Roster;
  /** A way to each other member. */
  readonly links: ReadonlyMap<ReplicaId, PaxosLink>;
  readonly journal: Journal<PaxosRecord>;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an unanswered message is waited for; default 1,000. */
  readonly roundTimeoutMs?: number;
  /** Told what proposers do, for the log at level debug. */
  readonly trace?: (event: string, details: Record<string, unknown>) => void;
  /** Told of a broken invariant or a failed journal, after which this peer is closed; default: throw it unhandled. */
  readonly fatal?: (error: unknown) => void;
}

type DecisionListener = (slot: Slot, value: Uint8Array) => void;

/**
 * The Paxos library of seed 002: an indefinite sequence of agreement instances, each run by itself and all of
 * them at once. It is silent when idle.
 */
export class PaxosPeer {
  readonly roster: Roster;
  readonly #instances = new Instances();
  readonly #journal: Journal<PaxosRecord>;
  readonly #links: ReadonlyMap<ReplicaId, PaxosLink>;
  readonly #world: ProposerWorld;
  readonly #listeners = new Set<DecisionListener>();
  readonly #fatal: (error: unknown) => void;
  #closed = false;

  constructor(options: PaxosPeerOptions) {
    this.roster = options.roster;
    this.#journal = options.journal;
    this.#links = options.links;
    this.#fatal = options.fatal ?? throwUnhandled;
    this.roster.done.onRise(() => this.#forget());
    this.#world = {
      roster: options.roster,
      links: options.links,
      clock: options.clock,
      random: options.random,
      roundTimeoutMs: options.roundTimeoutMs ?? 1000,
      recordRound: (round) => this.#record({ kind: 'round', round }),
      ownPrepare: (request) => this.#prepare(request),
      ownAccept: (request) => this.#accept(request),
      admitReply: (header) => this.roster.admit(header),
      decided: (slot, value) => this.#decideAndSpread(slot, value),
      behind: (slot, floor) => options.trace?.('behind', { slot, floor }),
      trace: options.trace ?? (() => undefined),
    };
  }

  /**
   * Starts agreement on an instance and returns at once (seed 002: "`Start()` should return immediately").
   * Does nothing below `min()`, on a decided instance, or while this peer proposes for it already.
   */
  start(slot: Slot, value: Uint8Array): void {
    this.#checkSlot(slot);
    if (this.#closed || slot < this.#instances.floor) return;
    const instance = this.#instances.obtain(slot);
    if (instance.acceptor.phase === 'decided' || instance.proposing !== undefined) return;
    const proposing = new AbortController();
    instance.proposing = proposing;
    // The own acceptor has promised every ballot that an earlier proposer of this slot used here (rule R4).
    const above = instance.acceptor.promised?.round ?? 0;
    propose(this.#world, slot, value, above, proposing.signal).then(
      () => (instance.proposing = undefined),
      // Only a broken invariant or a failed journal ends a proposer so; going on would hide it.
      (error: unknown) => this.#fail(error),
    );
  }

  /**
   * What this peer knows of an instance, from local state alone (seed 002: "it should not communicate with
   * other peers"). `forgotten` stands where the seed's older form answers false.
   */
  status(slot: Slot): InstanceStatus {
    this.#checkSlot(slot);
    if (slot < this.#instances.floor) return { kind: 'forgotten' };
    const acceptor = this.#instances.find(slot)?.acceptor;
    return acceptor?.phase === 'decided' ? { kind: 'decided', value: acceptor.value } : { kind: 'pending' };
  }

  /** The application needs no instance up to `slot` any more (seed 002: "ok to forget all instances <= seq"). */
  done(slot: Slot): void {
    this.#checkSlot(slot);
    const { me, incarnation } = this.roster;
    this.roster.done.merge({ replica: me, incarnation, through: slot });
  }

  /** The highest instance known to this peer, or −1 (seed 002). Forgetting does not lower it. */
  max(): number {
    return this.#instances.max ?? -1;
  }

  /**
   * One more than the lowest Done value of all members (seed 002); instances below have been forgotten. A
   * member that is never heard holds it at 0.
   */
  min(): Slot {
    return this.roster.done.min();
  }

  /** The lowest slot still held here (rule R3). In memory it equals `min()`. */
  get floor(): Slot {
    return this.#instances.floor;
  }

  /** The highest slot voted for or known decided (rule R7). */
  get reach(): Slot | undefined {
    return this.#instances.reach;
  }

  get heldInstances(): number {
    return this.#instances.size;
  }

  /** The instances that are not decided, lowest first. */
  openInstances(): readonly [Slot, Readonly<Instance>][] {
    return this.#instances.open();
  }

  /** Calls `listener` once for every instance, when its decision becomes known here. */
  onDecided(listener: DecisionListener): void {
    this.#listeners.add(listener);
  }

  /**
   * Asks one peer for decisions in a range of slots and keeps those it tells. Resolves with how many it told;
   * 0 also if the peer did not answer.
   */
  async learnFrom(peer: ReplicaId, firstSlot: Slot, lastSlot: Slot): Promise<number> {
    const link = this.#links.get(peer);
    if (link === undefined || this.#closed) return 0;
    const timeoutMs = this.#world.roundTimeoutMs;
    try {
      const reply = await link.learn(this.roster.envelope(peer, { firstSlot, lastSlot }), { timeoutMs });
      this.roster.admit(reply.header);
      for (const { slot, value } of reply.body.decided) this.#learn(slot, value);
      return reply.body.decided.length;
    } catch {
      return 0;
    }
  }

  /** Stops every proposer and answers nothing more (the seed's Kill()). */
  close(): void {
    this.#closed = true;
    for (const { proposing } of this.#instances.values()) proposing?.abort();
  }

  /** @throws PeerRefusal */
  async handlePrepare({ header, body }: Enveloped<Prepare>): Promise<Enveloped<PrepareReply>> {
    this.#admitRequest(header, body.slot, body.ballot.round);
    return this.roster.envelope(header.from, await this.#prepare(body));
  }

  /** @throws PeerRefusal */
  async handleAccept({ header, body }: Enveloped<Accept>): Promise<Enveloped<AcceptReply>> {
    this.#admitRequest(header, body.slot, body.ballot.round);
    return this.roster.envelope(header.from, await this.#accept(body));
  }

  /** @throws PeerRefusal */
  async handleDecide({ header, body }: Enveloped<Decide>): Promise<Enveloped<DecideReply>> {
    this.#admitRequest(header, body.slot, 0);
    return this.roster.envelope(header.from, await this.#decide(body));
  }

  /** @throws PeerRefusal */
  handleLearn({ header, body }: Enveloped<Learn>): Promise<Enveloped<LearnReply>> {
    this.#admitRequest(header, body.firstSlot, 0);
    const { floor } = this.#instances;
    const decided: Decide[] = [];
    let bytes = 0;
    for (const slot of this.#instances.heldBetween(body.firstSlot, body.lastSlot)) {
      const acceptor = this.#instances.find(slot)?.acceptor;
      if (acceptor?.phase !== 'decided') continue;
      bytes += acceptor.value.length;
      if (decided.length > 0 && bytes > limits.learnPageBytes) break;
      decided.push({ slot, value: acceptor.value });
    }
    const reply: LearnReply = { decided, behind: body.firstSlot < floor ? behind(floor) : undefined };
    return Promise.resolve(this.roster.envelope(header.from, reply));
  }

  #prepare(request: Prepare): Promise<PrepareReply> {
    return this.#step(request.slot, (state) => onPrepare(state, request));
  }

  #accept(request: Accept): Promise<AcceptReply> {
    return this.#step(request.slot, (state) => onAccept(state, request));
  }

  #decide(decision: Decide): Promise<DecideReply> {
    const { slot, value } = decision;
    const instance = this.#instances.find(slot);
    const before = instance?.acceptor;
    const reply = this.#step(slot, (state) => {
      if (state.phase === 'decided') checkDecision(slot, state.value, value);
      return onDecide(state, decision);
    });
    const fresh = slot >= this.#instances.floor && before?.phase !== 'decided';
    if (fresh && !this.#closed) {
      this.roster.learnedThrough = this.#instances.learnedThrough;
      instance?.proposing?.abort();
      for (const listener of this.#listeners) listener(slot, value);
    }
    return reply;
  }

  /** Runs one message through the slot's acceptor; the reply comes out when rule R2 lets it. */
  async #step<Reply>(
    slot: Slot,
    transition: (state: AcceptorState) => Transition<Reply>,
  ): Promise<Reply | Behind> {
    if (slot < this.#instances.floor) return behind(this.#instances.floor);
    try {
      const { state, step } = transition(this.#instances.obtain(slot).acceptor);
      this.#instances.advance(slot, state);
      return await releaseReply(this.#journal, step, (error) => this.#fail(error));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #record(record: PaxosRecord): Promise<void> {
    return this.#journal.append([record]);
  }

  #learn(slot: Slot, value: Uint8Array): void {
    // A failure has been reported by the step itself.
    this.#decide({ slot, value }).catch(() => undefined);
  }

  /** A peer that learns of a decision while proposing still spreads it: others may have no proposer. */
  #decideAndSpread(slot: Slot, value: Uint8Array): void {
    this.#learn(slot, value);
    for (const [peer, link] of this.#links) {
      link
        .decide(this.roster.envelope(peer, { slot, value }), { timeoutMs: this.#world.roundTimeoutMs })
        .then(
          ({ header }) => this.roster.admit(header),
          // A decision that is not heard is learned later, by asking.
          () => undefined,
        );
    }
  }

  #admitRequest(header: Header, slot: Slot, round: number): void {
    if (this.#closed) throw new PeerRefusal('closed', `replica ${this.roster.me} is closed`);
    const lead = limits.plausibleLead;
    if (slot > this.max() + lead || round > lead) {
      throw this.roster.refuse(
        'garbled',
        `slot ${slot} or round ${round} is implausibly far ahead`,
        header.from,
      );
    }
    this.roster.admit(header);
  }

  #forget(): void {
    const min = this.min();
    if (min <= this.#instances.floor) return;
    this.#instances.forgetBelow(min, min);
    this.roster.learnedThrough = this.#instances.learnedThrough;
  }

  #checkSlot(slot: Slot): void {
    if (!Number.isSafeInteger(slot) || slot < 0)
      throw new RangeError(`slot ${slot} is not a whole number from 0`);
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#fatal(error);
  }
}

const throwUnhandled = (error: unknown): void => {
  void Promise.reject(error instanceof Error ? error : new Error(String(error)));
};
