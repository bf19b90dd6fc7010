import { compareBallots, formatBallot, type Ballot } from '../../src/log/ballot.js';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { Message, OmnipaxosRecord, Outgoing } from '../../src/omnipaxos/messages.js';
import { omnipaxosRecordToLog } from '../../src/omnipaxos/records.js';
import { recoverOmnipaxos } from '../../src/omnipaxos/recovery.js';
import { OmnipaxosReplica } from '../../src/omnipaxos/replica.js';
import type { OmnipaxosStep } from '../../src/omnipaxos/step.js';
import type { Random } from '../../src/runtime/random.js';
import { foldHardState, initialHardState } from '../../src/storage/hard-state.js';
import type { LogRecord } from '../../src/storage/log-record.js';

export interface OmnipaxosWorldOptions {
  readonly replicaCount: number;
  readonly random: Random;
  readonly electionTimeoutMs: number;
  /** How long a message is under way, between these; messages of one session keep their order. */
  readonly delayMs?: readonly [number, number];
  /** How long a sync takes, between these. */
  readonly syncMs?: readonly [number, number];
  /** When a replica that starts ticks first; default: at a random moment of the first election timeout. */
  readonly firstTickMs?: (id: ReplicaId) => number;
}

/** How soon after a decision followers hear of it that hear nothing else. */
const tellDecidedMs = 2;

interface Node {
  replica: OmnipaxosReplica;
  isUp: boolean;
  /** Counts the processes, so that what an earlier one waited for is nothing to the next. */
  life: number;
  disk: LogRecord[];
  /** What was decided here in any life, by slot. */
  readonly decided: string[];
  /** What this process decided below this slot has been compared; that cannot change. */
  comparedEnd: number;
  nextTickMs: number;
}

interface Session {
  number: number;
  isLinked: boolean;
  /** When the last message of each direction arrives, so that none overtakes it. */
  readonly lastArrivalMs: Map<ReplicaId, number>;
}

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Two replicas differ on what was decided, or one has changed its mind. */
export class Disagreement extends Error {}

/**
 * The replicas of OmniPaxos alone, without clock, sockets or disks, in time that this world makes up. Links are cut and
 * made by the test; a cut is silent, or noticed by both ends at once. Whatever is decided is compared with all that was.
 */
export class OmnipaxosWorld {
  nowMs = 0;
  /** The share of messages that are lost although their session stands; from 0 to 1. */
  loss = 0;
  readonly ids: readonly ReplicaId[];
  readonly #options: OmnipaxosWorldOptions;
  readonly #nodes = new Map<ReplicaId, Node>();
  readonly #sessions = new Map<string, Session>();
  readonly #agreed: string[] = [];
  readonly #events: Event[] = [];
  #order = 0;
  /** Every ballot that anybody claimed, with the time. */
  readonly claims: { readonly atMs: number; readonly ballot: Ballot }[] = [];
  readonly #seenClaims = new Set<string>();
  readonly counts = { delivered: 0, lost: 0, crashes: 0, proposals: 0 };
  /** Told of each message as it is sent; answers whether it is lost. */
  lose: (from: ReplicaId, to: ReplicaId, message: Message) => boolean = () => false;

  constructor(options: OmnipaxosWorldOptions) {
    this.#options = options;
    this.ids = Array.from({ length: options.replicaCount }, (_, index) => replicaId(index + 1));
    for (const id of this.ids) this.#nodes.set(id, this.#node(id, [], 0, []));
    for (const left of this.ids) {
      for (const right of this.ids) {
        if (left < right) this.#sessions.set(pair(left, right), freshSession());
      }
    }
  }

  /** Links everybody and starts everybody, at moments of one election timeout. */
  start(): void {
    for (const left of this.ids) for (const right of this.ids) if (left < right) this.link(left, right);
    for (const id of this.ids) this.#perform(id, this.replica(id).start());
  }

  replica(id: ReplicaId): OmnipaxosReplica {
    return this.#at(id).replica;
  }

  isUp(id: ReplicaId): boolean {
    return this.#at(id).isUp;
  }

  /** What each replica knows decided, as texts. */
  decided(id: ReplicaId): readonly string[] {
    return this.#at(id).decided;
  }

  get agreed(): readonly string[] {
    return this.#agreed;
  }

  isLinked(left: ReplicaId, right: ReplicaId): boolean {
    return this.#session(left, right).isLinked;
  }

  link(left: ReplicaId, right: ReplicaId): void {
    const session = this.#session(left, right);
    if (session.isLinked) return;
    session.isLinked = true;
    session.number += 1;
    session.lastArrivalMs.clear();
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      if (this.isUp(left) && this.isUp(right)) this.#perform(one, this.replica(one).connected(other));
    }
  }

  /** Nothing passes any more. Silent: neither end notices; otherwise both do at once. */
  cut(left: ReplicaId, right: ReplicaId, isSilent: boolean): void {
    const session = this.#session(left, right);
    if (!session.isLinked) return;
    session.isLinked = false;
    session.number += 1;
    if (isSilent) return;
    if (this.isUp(left)) this.#perform(left, this.replica(left).disconnected(right));
    if (this.isUp(right)) this.#perform(right, this.replica(right).disconnected(left));
  }

  /** Links exactly these pairs. */
  shape(links: readonly (readonly [ReplicaId, ReplicaId])[], isSilent: boolean): void {
    const wanted = new Set(links.map(([left, right]) => pair(left, right)));
    for (const left of this.ids) {
      for (const right of this.ids) {
        if (left < right && !wanted.has(pair(left, right))) this.cut(left, right, isSilent);
      }
    }
    for (const [left, right] of links) this.link(left, right);
  }

  /** Ends a process; what was not synced is gone. */
  crash(id: ReplicaId): void {
    const node = this.#at(id);
    if (!node.isUp) return;
    this.counts.crashes += 1;
    node.isUp = false;
    node.life += 1;
    for (const peer of this.#peersOf(id)) {
      const session = this.#session(id, peer);
      session.number += 1;
      if (session.isLinked && this.isUp(peer)) this.#perform(peer, this.replica(peer).disconnected(id));
    }
  }

  restart(id: ReplicaId): void {
    const before = this.#at(id);
    if (before.isUp) return;
    this.#nodes.set(id, this.#node(id, before.disk, before.life + 1, before.decided));
    this.#perform(id, this.replica(id).start());
    for (const peer of this.#peersOf(id)) {
      const session = this.#session(id, peer);
      session.number += 1;
      session.lastArrivalMs.clear();
      if (!session.isLinked || !this.isUp(peer)) continue;
      this.#perform(id, this.replica(id).connected(peer));
      this.#perform(peer, this.replica(peer).connected(id));
    }
  }

  /** Whether `id` leads, as it believes itself. */
  leads(id: ReplicaId): boolean {
    return this.isUp(id) && this.replica(id).leadership.kind === 'leading';
  }

  /** Proposes at a replica that leads. */
  propose(id: ReplicaId, text: string): void {
    this.counts.proposals += 1;
    this.#perform(id, this.replica(id).propose([Buffer.from(text)]));
  }

  /** Lets time pass. */
  run(ms: number): void {
    this.runUntil(() => false, ms);
  }

  /** Lets time pass until `isOver`; answers whether it came to that. */
  runUntil(isOver: () => boolean, limitMs: number): boolean {
    const endMs = this.nowMs + limitMs;
    while (!isOver()) {
      const next = this.#takeNext(endMs);
      if (next === undefined) {
        this.nowMs = endMs;
        return false;
      }
      this.nowMs = next.atMs;
      next.run();
    }
    return true;
  }

  #node(id: ReplicaId, disk: LogRecord[], life: number, decided: string[]): Node {
    const { log } = recoverOmnipaxos(
      disk,
      disk.reduce(foldHardState, initialHardState),
      undefined,
      undefined,
    );
    const node: Node = {
      replica: new OmnipaxosReplica({
        me: id,
        members: this.ids,
        log,
        mayVote: () => true,
        hasSpace: () => true,
      }),
      isUp: true,
      life,
      disk,
      decided,
      comparedEnd: 0,
      nextTickMs: this.nowMs + this.#firstTickMs(id),
    };
    this.#tickLater(id, node);
    return node;
  }

  #firstTickMs(id: ReplicaId): number {
    const { firstTickMs, random, electionTimeoutMs } = this.#options;
    return firstTickMs?.(id) ?? random.between(0, electionTimeoutMs);
  }

  #tickLater(id: ReplicaId, node: Node): void {
    const { life } = node;
    this.#schedule(node.nextTickMs, () => {
      if (!node.isUp || node.life !== life) return;
      this.#perform(id, node.replica.tick());
      node.nextTickMs += this.#options.electionTimeoutMs;
      this.#tickLater(id, node);
    });
  }

  #perform(id: ReplicaId, step: OmnipaxosStep): void {
    const node = this.#at(id);
    const { life } = node;
    this.#noteClaim(step.records);
    if (node.replica.phase.kind === 'leading' && node.replica.log.decidedEnd > node.comparedEnd) {
      this.#schedule(this.nowMs + tellDecidedMs, () => {
        if (node.life === life && node.isUp) this.#perform(id, node.replica.tellDecided());
      });
    }
    for (const outgoing of step.atOnce) this.#out(id, outgoing);
    // Lazy records come with what is written next, here at once: the order is what counts.
    const records = [...step.records, ...step.lazily].map(omnipaxosRecordToLog);
    const [low, high] = this.#options.syncMs ?? [0, 0];
    if (records.length > 0 || step.afterSync.length > 0) {
      const syncedAtMs = Math.max(
        this.#lastSync.get(id) ?? 0,
        this.nowMs + this.#options.random.between(low, high),
      );
      this.#lastSync.set(id, syncedAtMs);
      this.#schedule(syncedAtMs, () => {
        if (node.life !== life || !node.isUp) return;
        node.disk.push(...records);
        for (const outgoing of step.afterSync) this.#out(id, outgoing);
      });
    }
    this.#compareDecided(id, node);
  }

  readonly #lastSync = new Map<ReplicaId, number>();

  #out(id: ReplicaId, outgoing: Outgoing): void {
    if (outgoing.kind === 'send') this.#send(id, outgoing.to, outgoing.message);
    else this.#perform(id, this.replica(id).synced(outgoing));
  }

  #send(from: ReplicaId, to: ReplicaId, message: Message): void {
    const { random, delayMs = [0.1, 1] } = this.#options;
    const session = this.#session(from, to);
    const { number } = session;
    if (!session.isLinked || this.lose(from, to, message) || random.between(0, 1) < this.loss) {
      this.counts.lost += 1;
      return;
    }
    const arrivalMs = Math.max(
      session.lastArrivalMs.get(to) ?? 0,
      this.nowMs + random.between(delayMs[0], delayMs[1]),
    );
    session.lastArrivalMs.set(to, arrivalMs);
    this.#schedule(arrivalMs, () => {
      if (session.number !== number || !this.isUp(to)) return;
      this.counts.delivered += 1;
      this.#perform(to, this.replica(to).receive(from, message));
    });
  }

  #compareDecided(id: ReplicaId, node: Node): void {
    const { replica, decided } = node;
    const { decidedEnd, entries } = replica.log;
    for (let slot = Math.max(entries.floor, node.comparedEnd); slot < decidedEnd; slot += 1) {
      const value = entries.at(slot);
      const text = value === undefined ? 'nothing' : Buffer.from(value).toString();
      if (this.#agreed.length === slot) this.#agreed.push(text);
      if (this.#agreed[slot] !== text || (decided[slot] ?? text) !== text) {
        throw new Disagreement(
          `replica ${id} decided "${text}" at slot ${slot}; "${this.#agreed[slot]}" was decided before`,
        );
      }
      decided[slot] = text;
    }
    node.comparedEnd = decidedEnd;
  }

  #noteClaim(records: readonly OmnipaxosRecord[]): void {
    for (const record of records) {
      if (record.kind !== 'promise') continue;
      const name = formatBallot(record.ballot);
      if (this.#seenClaims.has(name)) continue;
      this.#seenClaims.add(name);
      this.claims.push({ atMs: this.nowMs, ballot: record.ballot });
    }
  }

  /** The highest ballot claimed so far. */
  get highestClaim(): Ballot | undefined {
    return this.claims.reduce<Ballot | undefined>(
      (highest, { ballot }) => (compareBallots(ballot, highest) > 0 ? ballot : highest),
      undefined,
    );
  }

  /** Events stay sorted, earliest last. */
  #schedule(atMs: number, run: () => void): void {
    this.#order += 1;
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.atMs ?? 0) > atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { atMs, order: this.#order, run });
  }

  #takeNext(endMs: number): Event | undefined {
    const next = this.#events.at(-1);
    return next === undefined || next.atMs > endMs ? undefined : this.#events.pop();
  }

  #at(id: ReplicaId): Node {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`there is no replica ${id}`);
    return node;
  }

  #peersOf(id: ReplicaId): ReplicaId[] {
    return this.ids.filter((peer) => peer !== id);
  }

  #session(left: ReplicaId, right: ReplicaId): Session {
    const session = this.#sessions.get(pair(left, right));
    if (session === undefined) throw new RangeError(`there is no link from ${left} to ${right}`);
    return session;
  }
}

const pair = (left: ReplicaId, right: ReplicaId): string =>
  left < right ? `${left}-${right}` : `${right}-${left}`;
const freshSession = (): Session => ({ number: 0, isLinked: false, lastArrivalMs: new Map() });
