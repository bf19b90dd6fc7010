import type { Enveloped, Header } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { PeerRefusal, type Roster } from '../log/roster.js';
import { openGate, type VotingGate } from '../log/voting-gate.js';
import type { Journal } from '../storage/journal.js';
import { Forgetting } from './forgetting.js';
import { Instances, type Instance } from './instances.js';
import { learnPage } from './learn-page.js';
import { Listeners } from '../log/listeners.js';
import type { Trace } from '../log/trace.js';
import type {
  Accept,
  AcceptReply,
  Decide,
  DecideReply,
  Learn,
  LearnReply,
  PaxosRecord,
  Prepare,
  PrepareReply,
  ReachReply,
  SlotRange,
} from './messages.js';
import { OwnAcceptor } from './own-acceptor.js';
import { PeerCalls } from './peer-calls.js';
import type { BehindListener, InstanceStatus, PaxosPeerOptions } from './peer-options.js';
import { propose, type ProposerWorld } from './proposer.js';
import { recordsOf } from './records.js';
import { StoredRounds } from './stored-rounds.js';
import { throwUnhandled } from '../log/throw-unhandled.js';

export type { InstanceStatus, PaxosPeerOptions } from './peer-options.js';

type DecisionListener = (slot: Slot, value: Uint8Array) => void;

/**
 * The Paxos library of seed 002: an indefinite sequence of agreement instances, each run by itself and all of
 * them at once. It is silent when idle.
 */
export class PaxosPeer {
  readonly roster: Roster;
  /** Whether an earlier process of this replica left something to go on from. */
  readonly isRecovered: boolean;
  readonly #instances = new Instances();
  readonly #acceptor: OwnAcceptor;
  readonly #journal: Journal<PaxosRecord>;
  readonly #rounds: StoredRounds;
  readonly #forgetting: Forgetting;
  readonly #gate: VotingGate;
  readonly #calls: PeerCalls;
  readonly #world: ProposerWorld;
  readonly #onDecided = new Listeners<Parameters<DecisionListener>>();
  readonly #onForgotten = new Listeners<[floor: Slot]>();
  readonly #onDurablyLearned = new Listeners<[]>();
  readonly #onBehind = new Listeners<Parameters<BehindListener>>();
  readonly #peerFloors = new Map<ReplicaId, Slot>();
  /** Recovered values below the floor that the state machine has not taken yet. */
  readonly #unapplied: Map<Slot, Uint8Array>;
  readonly #trace: Trace;
  readonly #fatal: (error: unknown) => void;
  #closed = false;

  constructor(options: PaxosPeerOptions) {
    const { roster, links, journal, recovered, trace = () => undefined, gate = openGate() } = options;
    const roundTimeoutMs = options.roundTimeoutMs ?? 1000;
    this.roster = roster;
    this.isRecovered = recovered !== undefined;
    this.#journal = journal;
    this.#gate = gate;
    this.#trace = trace;
    this.#fatal = options.fatal ?? throwUnhandled;
    this.#unapplied = new Map(recovered?.unapplied);
    if (recovered !== undefined) this.#instances.restore(recovered.floor, recovered.instances);
    this.roster.learnedThrough = this.#instances.learnedThrough;
    this.#rounds = new StoredRounds(journal, recovered?.highestRound ?? 0, trace);
    this.#forgetting = new Forgetting({
      instances: this.#instances,
      roster,
      journal,
      trace,
      forgotten: (floor) => this.#forgotten(floor),
      failed: (error) => this.#fail(error),
    });
    this.#acceptor = new OwnAcceptor({
      instances: this.#instances,
      journal,
      gate,
      silent: recovered?.silent,
      trace,
      fail: (error) => this.#fail(error),
      decisionSynced: (slot) => this.#decisionSynced(slot),
    });
    this.#calls = new PeerCalls({ roster, links, timeoutMs: roundTimeoutMs, max: () => this.max(), trace });
    if (options.behind !== undefined) this.onBehind(options.behind);
    this.#world = {
      roster,
      links,
      gate,
      clock: options.clock,
      random: options.random,
      roundTimeoutMs,
      recordRound: (slot, round) => this.#recordRound(slot, round),
      ownPrepare: (request) => this.#acceptor.prepare(request),
      ownAccept: (request) => this.#acceptor.accept(request),
      admitReply: (header) => this.roster.admit(header),
      decided: (slot, value) => this.#decideAndSpread(slot, value),
      behind: (peer, slot, floor) => this.#heardBehind(peer, slot, floor),
      trace,
    };
  }

  /**
   * Starts agreement on an instance and returns at once (seed 002: "`Start()` should return immediately").
   * Does nothing below `min()` and the floor, on a decided instance, or while this peer proposes for it already.
   */
  start(slot: Slot, value: Uint8Array): void {
    this.#checkSlot(slot);
    if (this.#closed || this.#forgetting.isForgotten(slot)) return;
    const instance = this.#instances.obtain(slot);
    if (instance.acceptor.phase === 'decided' || instance.proposing !== undefined) return;
    const proposing = new AbortController();
    instance.proposing = proposing;
    // What earlier proposers of this slot used, the own acceptor need not have promised (rule R4).
    const above = Math.max(this.#rounds.base, instance.usedRound, instance.acceptor.promised?.round ?? 0);
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
    if (this.#forgetting.isForgotten(slot)) return { kind: 'forgotten' };
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

  /**
   * The lowest slot still held here, as it is on disk (rule R3). It follows `min()` as soon as that is written down, and
   * passes it by `cut` and `install`.
   */
  get floor(): Slot {
    return this.#instances.floor;
  }

  /** The highest slot voted for or known decided (rule R7); at least the last that damage may have touched. */
  get reach(): Slot | undefined {
    return this.#acceptor.reach;
  }

  /** Every slot up to this one is decided here and its decision is on disk, or it is below the floor (rule R10). */
  get durablyLearnedThrough(): Slot | undefined {
    return this.#instances.durablyLearnedThrough;
  }

  /** The slots that must be learned before this peer votes on any slot up to the last of them; undefined if none. */
  get silence(): SlotRange | undefined {
    return this.#acceptor.silence;
  }

  /** Whether votes and rounds can be written down (rule R15). */
  get hasSpace(): boolean {
    return this.#journal.hasSpace;
  }

  /** The bytes of the values that are held. */
  get heldBytes(): number {
    return this.#instances.heldBytes;
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
    this.#onDecided.add(listener);
  }

  /** Calls `listener` with the new floor when what lies below it has been forgotten. */
  onForgotten(listener: (floor: Slot) => void): void {
    this.#onForgotten.add(listener);
  }

  /** Calls `listener` when `durablyLearnedThrough` may have risen. */
  onDurablyLearned(listener: () => void): void {
    this.#onDurablyLearned.add(listener);
  }

  /** Calls `listener` when a proposer, or whoever asks to learn, is told Behind (rule R3). */
  onBehind(listener: BehindListener): void {
    this.#onBehind.add(listener);
  }

  /** The highest floor that a peer has told; 0 if none. */
  floorOf(peer: ReplicaId): Slot {
    return this.#peerFloors.get(peer) ?? 0;
  }

  /**
   * What says again all promises and votes of instances that are not decided, lowest first: to be written down and
   * synced before the segments that said it go (rule R5).
   */
  liveRecords(): readonly PaxosRecord[] {
    return this.#instances.open().flatMap(([slot, { acceptor }]) => recordsOf(slot, acceptor));
  }

  /** A recovered value below the floor, handed out once: for the state machine, whose snapshot does not cover it. */
  takeUnapplied(slot: Slot): Uint8Array | undefined {
    const value = this.#unapplied.get(slot);
    this.#unapplied.delete(slot);
    return value;
  }

  /**
   * Gives up every slot up to `through`, which must be learned, whatever others still need (rule R3). Resolves when the
   * floor above it is on disk and they are forgotten.
   * @throws RangeError
   */
  async cut(through: Slot): Promise<void> {
    this.#checkSlot(through);
    await this.#forgetting.cut(through);
  }

  /**
   * As `cut`, for a snapshot that has come from elsewhere: also slots that are not learned here. Promises and votes above
   * stay (rule R5). `installed` is called in the turn in which the instances and proposers up to `through` end.
   */
  async install(through: Slot, installed: () => void = () => undefined): Promise<void> {
    this.#checkSlot(through);
    await this.#forgetting.install(through, installed);
  }

  /**
   * Asks one peer for decisions in a range of slots and keeps those it tells. Resolves with the last slot that it told;
   * undefined if it told none or did not answer.
   */
  async learnFrom(peer: ReplicaId, firstSlot: Slot, lastSlot: Slot): Promise<Slot | undefined> {
    if (this.#closed) return undefined;
    const reply = await this.#calls.learn(peer, { firstSlot, lastSlot });
    if (reply === undefined) return undefined;
    if (reply.behind !== undefined) this.#heardBehind(peer, firstSlot, reply.behind.floor);
    for (const { slot, value } of reply.decided) this.#learn(slot, value);
    return reply.decided.at(-1)?.slot;
  }

  /** Asks one peer for its reach (rule R7); undefined if it did not answer. */
  askReach(peer: ReplicaId): Promise<ReachReply | undefined> {
    return this.#closed ? Promise.resolve(undefined) : this.#calls.reach(peer);
  }

  /**
   * The own acceptor's answer to the same question. Behind a closed gate there is none: until this replica has compared
   * its log with its peers, votes that it answered may be missing from it.
   */
  ownReach(): ReachReply | undefined {
    return this.#gate.isOpen && !this.#closed ? { reach: this.reach } : undefined;
  }

  /** Stops every proposer and answers nothing more (the seed's Kill()). */
  close(): void {
    this.#closed = true;
    for (const { proposing } of this.#instances.values()) proposing?.abort();
  }

  /** @throws PeerRefusal */
  async handlePrepare({ header, body }: Enveloped<Prepare>): Promise<Enveloped<PrepareReply>> {
    this.#admitRequest(header, body.slot, body.ballot.round);
    return this.roster.envelope(header.from, await this.#acceptor.prepare(body));
  }

  /** @throws PeerRefusal */
  async handleAccept({ header, body }: Enveloped<Accept>): Promise<Enveloped<AcceptReply>> {
    this.#admitRequest(header, body.slot, body.ballot.round);
    return this.roster.envelope(header.from, await this.#acceptor.accept(body));
  }

  /** @throws PeerRefusal */
  async handleDecide({ header, body }: Enveloped<Decide>): Promise<Enveloped<DecideReply>> {
    this.#admitRequest(header, body.slot, 0);
    return this.roster.envelope(header.from, await this.#decide(body));
  }

  /** @throws PeerRefusal */
  handleLearn({ header, body }: Enveloped<Learn>): Promise<Enveloped<LearnReply>> {
    this.#admitRequest(header, body.firstSlot, 0);
    return Promise.resolve(this.roster.envelope(header.from, learnPage(this.#instances, body)));
  }

  /** @throws PeerRefusal, also while this replica may not vote: its log may lack votes that it answered */
  handleReach({ header }: Enveloped<undefined>): Promise<Enveloped<ReachReply>> {
    this.#admitRequest(header, 0, 0);
    const reply = this.ownReach();
    if (reply === undefined) {
      throw new PeerRefusal(
        'closed',
        `replica ${this.roster.me} has not compared its log with its peers yet`,
      );
    }
    return Promise.resolve(this.roster.envelope(header.from, reply));
  }

  #decide(decision: Decide): Promise<DecideReply> {
    const { slot, value } = decision;
    const instance = this.#instances.find(slot);
    const before = instance?.acceptor;
    const reply = this.#acceptor.decide(decision);
    const isNew = slot >= this.#instances.floor && before?.phase !== 'decided';
    if (isNew && !this.#closed) {
      this.#trace('learned', { slot });
      this.roster.learnedThrough = this.#instances.learnedThrough;
      instance?.proposing?.abort();
      this.#onDecided.tell(slot, value);
    }
    return reply;
  }

  #decisionSynced(slot: Slot): void {
    this.#instances.decisionSynced(slot);
    this.#onDurablyLearned.tell();
  }

  #recordRound(slot: Slot, round: number): Promise<boolean> {
    const instance = this.#instances.find(slot);
    if (instance !== undefined) instance.usedRound = Math.max(instance.usedRound, round);
    return this.#rounds.store(round);
  }

  #heardBehind(peer: ReplicaId, slot: Slot, floor: Slot): void {
    this.#trace('behind', { peer, slot, floor });
    this.#peerFloors.set(peer, Math.max(this.floorOf(peer), floor));
    this.#onBehind.tell(peer, slot, floor);
  }

  #forgotten(floor: Slot): void {
    this.#acceptor.lookAtSilence();
    this.#onForgotten.tell(floor);
    this.#onDurablyLearned.tell();
  }

  #learn(slot: Slot, value: Uint8Array): void {
    // A failure has been reported by the step itself.
    this.#decide({ slot, value }).catch(() => undefined);
  }

  /** A peer that learns of a decision while proposing still spreads it: others may have no proposer. */
  #decideAndSpread(slot: Slot, value: Uint8Array): void {
    this.#trace('decided', { slot });
    this.#learn(slot, value);
    this.#calls.spread(slot, value);
  }

  #admitRequest(header: Header, slot: Slot, round: number): void {
    if (this.#closed) throw new PeerRefusal('closed', `replica ${this.roster.me} is closed`);
    this.#calls.admit(header, slot, round);
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
