import { compareBallots, type Ballot } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { Listeners } from '../log/listeners.js';
import type { Roster } from '../log/roster.js';
import { throwUnhandled } from '../log/throw-unhandled.js';
import type { Trace } from '../log/trace.js';
import { openGate, type VotingGate } from '../log/voting-gate.js';
import type { Duplex, DuplexEvents } from '../rpc/link.js';
import type { Clock, Timer } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Journal } from '../storage/journal.js';
import { emptyLog } from './accepted-log.js';
import type { OmnipaxosRecord, Outgoing } from './messages.js';
import type { RecoveredOmnipaxos } from './recovery.js';
import { OmnipaxosReplica, type Leadership } from './replica.js';
import type { Exchange, OmnipaxosLink } from './service.js';
import { Sessions } from './sessions.js';
import type { Happening, OmnipaxosStep } from './step.js';
import { TickTimer } from './tick-timer.js';

export interface OmnipaxosPeerOptions {
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, OmnipaxosLink>;
  readonly journal: Journal<OmnipaxosRecord>;
  /** What an earlier process of this replica left; absent for a fresh one. */
  readonly recovered?: RecoveredOmnipaxos;
  /** Closed while this replica may not vote; default: open. */
  readonly gate?: VotingGate;
  readonly clock: Clock;
  readonly random: Random;
  readonly electionTimeoutMs: number;
  /** How long a stream that was opened may stay silent before it is given up. */
  readonly roundTimeoutMs?: number;
  readonly trace?: Trace;
  /** Told of a broken invariant or a failed journal, after which the peer is closed. Default: throw it unhandled. */
  readonly fatal?: (error: unknown) => void;
}

/** What became of a proposal. */
export type ProposalOutcome =
  /** It is in the log at this slot under this ballot, and decided unless leadership is lost. */
  | { readonly kind: 'proposed'; readonly slot: Slot; readonly ballot: Ballot }
  | { readonly kind: 'not-leader'; readonly leader: ReplicaId | undefined };

/** How long followers that hear nothing else wait to hear what was decided. */
const tellDecidedMs = 2;

/**
 * The OmniPaxos library (seed 001): one log, replicated under an elected leader. It runs the steps of a replica: persists
 * with one shared sync, sends, ticks, and tells in order what is decided.
 */
export class OmnipaxosPeer {
  readonly roster: Roster;
  readonly electionTimeoutMs: number;
  /** Whether an earlier process of this replica left something to go on from. */
  readonly isRecovered: boolean;
  readonly #replica: OmnipaxosReplica;
  readonly #sessions: Sessions;
  readonly #journal: Journal<OmnipaxosRecord>;
  readonly #clock: Clock;
  readonly #ticks: TickTimer;
  readonly #trace: Trace;
  readonly #fatal: (error: unknown) => void;
  readonly #unapplied: Map<Slot, Uint8Array>;
  readonly #onDecided = new Listeners<[]>();
  readonly #onLeadership = new Listeners<[]>();
  readonly #onTick = new Listeners<[]>();
  readonly #onDurablyDecided = new Listeners<[]>();
  readonly #onHappening = new Listeners<[Happening]>();
  #leadership: Leadership;
  #toldDecidedEnd: Slot;
  #durablyDecidedEnd: Slot;
  #telling: Timer | undefined;
  #risingTo: Slot | undefined;
  #closed = false;

  constructor(options: OmnipaxosPeerOptions) {
    const { roster, links, journal, recovered, clock, trace = () => undefined, gate = openGate() } = options;
    this.roster = roster;
    this.electionTimeoutMs = options.electionTimeoutMs;
    this.isRecovered = recovered !== undefined;
    this.#journal = journal;
    this.#clock = clock;
    this.#trace = trace;
    this.#fatal = options.fatal ?? throwUnhandled;
    this.#unapplied = new Map(recovered?.unapplied);
    this.#replica = new OmnipaxosReplica({
      me: roster.me,
      members: roster.members.map(({ id }) => id),
      log: recovered?.log ?? emptyLog,
      mayVote: () => gate.isOpen && !this.#closed,
      hasSpace: () => journal.hasSpace,
    });
    this.#leadership = this.#replica.leadership;
    this.#toldDecidedEnd = this.decidedEnd;
    this.#durablyDecidedEnd = this.decidedEnd;
    this.#sessions = new Sessions({
      roster,
      links,
      clock,
      openTimeoutMs: options.roundTimeoutMs ?? 1000,
      connected: (peer) => this.#run(() => this.#replica.connected(peer)),
      disconnected: (peer) => this.#run(() => this.#replica.disconnected(peer)),
      received: (peer, message) => this.#run(() => this.#replica.receive(peer, message)),
      trace,
    });
    this.#ticks = new TickTimer({
      clock,
      random: options.random,
      intervalMs: options.electionTimeoutMs,
      tick: () => this.#tick(),
    });
    roster.done.onRise(() => this.#rise());
    this.#noteLearned();
  }

  /** Begins to meet the others and to take part in elections. */
  start(): void {
    this.#sessions.start();
    this.#run(() => this.#replica.start());
    this.#ticks.start();
  }

  /** Takes a stream that a peer has opened. */
  accept(stream: Duplex<Exchange>): DuplexEvents<Exchange> {
    return this.#sessions.accept(stream);
  }

  /**
   * Appends a value to the log if this replica leads (seed 001: "submits … using `Proposal()`"). Whether it is decided,
   * the apply stream tells.
   */
  proposal(value: Uint8Array): ProposalOutcome {
    const { leadership } = this;
    if (leadership.kind !== 'leading') {
      return { kind: 'not-leader', leader: leadership.kind === 'following' ? leadership.leader : undefined };
    }
    const slot = this.acceptedEnd;
    this.#run(() => this.#replica.propose([value]));
    return { kind: 'proposed', slot, ballot: leadership.ballot };
  }

  /** Asks everybody in reach whether they still promise the ballot of this leader. */
  confirm(number: number): void {
    if (this.leadership.kind === 'leading') this.#run(() => this.#replica.confirm(number));
  }

  get leadership(): Leadership {
    return this.#closed ? { kind: 'following', leader: undefined } : this.#replica.leadership;
  }

  /** The log that this leader adopted ends here: what was answered before its ballot lies below (rule R7). */
  get adoptedEnd(): Slot {
    const { phase } = this.#replica;
    return phase.kind === 'leading' ? phase.adopted.end : this.acceptedEnd;
  }

  /** The first slot not held. */
  get acceptedEnd(): Slot {
    return this.#replica.log.acceptedEnd;
  }

  /** The first slot not known decided. */
  get decidedEnd(): Slot {
    return this.#replica.log.decidedEnd;
  }

  /** Everything below is decided, held, and known so on disk. */
  get durablyDecidedEnd(): Slot {
    return this.#durablyDecidedEnd;
  }

  /** The lowest slot held. */
  get floor(): Slot {
    return this.#replica.log.floor;
  }

  get held(): { readonly slots: number; readonly bytes: number } {
    const { size, bytes } = this.#replica.log.entries;
    return { slots: size, bytes };
  }

  get hasSpace(): boolean {
    return this.#journal.hasSpace;
  }

  /** What the replica is doing, for people. */
  get replica(): Pick<OmnipaxosReplica, 'phase' | 'log' | 'election'> {
    return this.#replica;
  }

  /** Heartbeats that came late, and the longest time that this process did not get to its timers. */
  get lateness(): { readonly heartbeats: number; readonly longestStallMs: number } {
    return {
      heartbeats: this.#replica.election.lateHeartbeats,
      longestStallMs: this.#ticks.longestStallMs,
    };
  }

  /** The value decided at a slot, if it is known and still held, or has not been taken by the state machine yet. */
  decided(slot: Slot): Uint8Array | undefined {
    if (slot >= this.decidedEnd) return undefined;
    if (slot >= this.floor) return this.#replica.log.entries.at(slot);
    const value = this.#unapplied.get(slot);
    this.#unapplied.delete(slot);
    return value;
  }

  /** Calls `listener` when more is decided. */
  onDecided(listener: () => void): void {
    this.#onDecided.add(listener);
  }

  /** Calls `listener` when this replica has begun or ceased to lead, leads under another ballot or follows another. */
  onLeadership(listener: () => void): void {
    this.#onLeadership.add(listener);
  }

  /** Calls `listener` after each election timeout. */
  onTick(listener: () => void): void {
    this.#onTick.add(listener);
  }

  /** Calls `listener` when `durablyDecidedEnd` has risen. */
  onDurablyDecided(listener: () => void): void {
    this.#onDurablyDecided.add(listener);
  }

  onHappening(listener: (happening: Happening) => void): void {
    this.#onHappening.add(listener);
  }

  /** The application needs no slot up to `through` any more. */
  done(through: Slot): void {
    const { me, incarnation } = this.roster;
    this.roster.done.merge({ replica: me, incarnation, through });
  }

  /** Gives up every slot up to `through`, which must be decided; resolves when they are gone (rules R3, R5). */
  async cut(through: Slot): Promise<void> {
    if (through >= this.decidedEnd) {
      throw new RangeError(
        `cannot cut through slot ${through}: decided is only what is below ${this.decidedEnd}`,
      );
    }
    await this.#recordFloor(through + 1);
    this.#replica.forgetBelow(through + 1);
  }

  /** A durable snapshot stands for every slot up to `through`; calls `installed` in the turn in which they go (rule R12). */
  async install(through: Slot, installed: () => void = () => undefined): Promise<void> {
    if (through + 1 > this.floor) await this.#recordFloor(through + 1);
    this.#run(() => this.#replica.installed(through));
    installed();
  }

  /** What says again all that is promised and accepted (rule R5); undefined while damage keeps everything needed. */
  liveRecords(): OmnipaxosRecord[] | undefined {
    return this.#replica.log.counted ? this.#replica.liveRecords() : undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ticks.close();
    this.#telling?.cancel();
    this.#sessions.close();
    this.#noteLeadership();
  }

  #tick(): void {
    this.#run(() => this.#replica.tick());
    this.#onTick.tell();
  }

  /** Runs one step and lets out what it gives, each when it may leave (rule R2). */
  #run(input: () => OmnipaxosStep): void {
    if (this.#closed) return;
    try {
      this.#perform(input());
    } catch (error) {
      this.#fail(error);
    }
  }

  #perform(step: OmnipaxosStep): void {
    for (const outgoing of step.atOnce) this.#out(outgoing);
    const { records, lazily, afterSync } = step;
    if (records.length > 0 || afterSync.length > 0) {
      this.#written(records, this.#journal.append(records), afterSync);
    }
    if (lazily.length > 0) this.#written(lazily, this.#journal.appendLazily(lazily), []);
    for (const happening of step.happenings) this.#onHappening.tell(happening);
    this.#noteLearned();
    this.#noteLeadership();
  }

  #out(outgoing: Outgoing): void {
    if (this.#closed) return;
    if (outgoing.kind === 'send') this.#sessions.send(outgoing.to, outgoing.message);
    else this.#run(() => this.#replica.synced(outgoing));
  }

  /** Once `records` are on disk, what waited for them leaves. */
  #written(records: readonly OmnipaxosRecord[], write: Promise<void>, afterSync: readonly Outgoing[]): void {
    const { decidedEnd } = this;
    write
      .then(() => {
        for (const outgoing of afterSync) this.#out(outgoing);
        if (!records.some(({ kind }) => kind === 'decided') || decidedEnd <= this.#durablyDecidedEnd) return;
        this.#durablyDecidedEnd = decidedEnd;
        this.#onDurablyDecided.tell();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  #noteLearned(): void {
    const { decidedEnd } = this;
    this.roster.learnedThrough = decidedEnd === 0 ? undefined : decidedEnd - 1;
    if (decidedEnd === this.#toldDecidedEnd) return;
    this.#toldDecidedEnd = decidedEnd;
    this.#trace('decided', { through: decidedEnd - 1 });
    this.#telling ??= this.#clock.timer(tellDecidedMs, () => {
      this.#telling = undefined;
      this.#run(() => this.#replica.tellDecided());
    });
    this.#onDecided.tell();
  }

  #noteLeadership(): void {
    const { leadership } = this;
    const before = this.#leadership;
    this.#leadership = leadership;
    if (isSameLeadership(before, leadership)) return;
    this.#trace('leadership', { ...leadership });
    this.#onLeadership.tell();
  }

  /** Lets the floor rise to what nobody needs any more, when there is time. */
  #rise(): void {
    const floor = Math.min(this.roster.done.min(), this.decidedEnd);
    if (this.#closed || floor <= this.floor || this.#risingTo !== undefined) return;
    this.#risingTo = floor;
    this.#journal
      .appendLazily([{ kind: 'floor', floor }])
      .then(() => {
        this.#risingTo = undefined;
        this.#replica.forgetBelow(floor);
        this.#rise();
      })
      .catch((error: unknown) => this.#fail(error));
  }

  async #recordFloor(floor: Slot): Promise<void> {
    const records: OmnipaxosRecord[] = [{ kind: 'floor', floor }];
    try {
      await (this.hasSpace ? this.#journal.append(records) : this.#journal.appendLazily(records));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#fatal(error);
  }
}

const isSameLeadership = (before: Leadership, after: Leadership): boolean => {
  if (before.kind === 'following') return after.kind === before.kind && before.leader === after.leader;
  return before.kind === after.kind && compareBallots(before.ballot, after.ballot) === 0;
};
