import type { Clock } from '../runtime/clock.js';
import { DoneMap, type DoneEntry } from './done-map.js';
import { protocolVersion, type Enveloped, type Header } from './header.js';
import { majorityOf, type Incarnation, type ReplicaId, type Slot } from './ids.js';

export interface Member {
  readonly id: ReplicaId;
  readonly address: string;
}

/** Why a message between replicas was not processed. */
export type RefusalCause =
  | 'garbled'
  | 'wrong-cluster'
  | 'wrong-receiver'
  | 'unknown-sender'
  | 'changed-incarnation'
  | 'different-identity'
  | 'not-introduced'
  | 'closed';

/** A peer message that is answered with a refusal and has no other effect. */
export class PeerRefusal extends Error {
  constructor(
    readonly refusal: RefusalCause,
    message: string,
  ) {
    super(message);
    this.name = 'PeerRefusal';
  }
}

interface PeerRecord {
  incarnation: Incarnation | undefined;
  pinned: boolean;
  log: PeerLog;
  heardAtMs: number | undefined;
  learnedThrough: Slot | undefined;
  introduced: boolean;
  refusal: string;
  /** It refused the last call of ours that it answered, so it takes no vote of ours either. */
  refusesUs: boolean;
}

/** How far a peer's synced log reaches by its own word: in its latest start, and in all starts before that (rule R6). */
export interface PeerLog {
  readonly bootCounter: number;
  readonly durableLsn: number;
  readonly earlierDurableLsn: number;
}

export const unheardLog: PeerLog = { bootCounter: 0, durableLsn: 0, earlierDurableLsn: 0 };

/** What is known of a peer's log after it has told how far it reaches. */
export function heardLog(known: PeerLog, bootCounter: number, durableLsn: number): PeerLog {
  if (bootCounter < known.bootCounter) return known;
  if (bootCounter === known.bootCounter) {
    return durableLsn <= known.durableLsn ? known : { ...known, durableLsn };
  }
  return {
    bootCounter,
    durableLsn,
    earlierDurableLsn: Math.max(known.durableLsn, known.earlierDurableLsn),
  };
}

/** By which incarnation a replica is known (rule R11), and what it told of its log. */
export interface Pin {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
  readonly log: PeerLog;
}

/** What this replica had on record of the others when it stopped. */
export interface RecordedPeers {
  readonly pins: readonly Pin[];
  readonly done: readonly DoneEntry[];
}

/** What is known of one peer. */
export interface PeerView {
  readonly incarnation: Incarnation | undefined;
  readonly heardMsAgo: number | undefined;
  /** Every slot up to this one is learned by that peer. */
  readonly learnedThrough: Slot | undefined;
  readonly introduced: boolean;
  /** Why the last message of or to it was refused; empty if it was not. */
  readonly refusal: string;
}

export interface RosterOptions {
  readonly members: readonly Member[];
  readonly me: ReplicaId;
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  /** How often this incarnation has started; default 0, as in memory. */
  readonly bootCounter?: number;
  /** The end of the own synced log; default 0, as in memory. */
  readonly durableLsn?: () => number;
  /** From the own disk, if there is one. */
  readonly recorded?: RecordedPeers;
  readonly clock: Clock;
  /**
   * Whether a peer's messages count only after a Hello has shown that its identity is ours (rule R11). The bare
   * library has no Hello, and its caller answers for equal member lists.
   */
  readonly introductions: 'required' | 'none';
  /** Told of refusals, ours and the peers', once for each in a row of equal ones; for the log. */
  readonly refused?: (message: string) => void;
}

/**
 * Who the members are and what is known of each: the process it is (rule R1), its Done value (R10), when it
 * was last heard. It writes the header of every message that leaves and judges that of every one that comes.
 */
export class Roster {
  readonly members: readonly Member[];
  readonly me: ReplicaId;
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  /** How often this incarnation has started; 0 in memory. */
  readonly bootCounter: number;
  readonly done: DoneMap;
  readonly refusals = new Map<RefusalCause, number>();
  learnedThrough: Slot | undefined;
  #lastRefusal = '';
  readonly #clock: Clock;
  readonly #durableLsn: () => number;
  readonly #refused: (message: string) => void;
  readonly #records: ReadonlyMap<ReplicaId, PeerRecord>;

  constructor(options: RosterOptions) {
    this.members = options.members;
    this.me = options.me;
    this.clusterId = options.clusterId;
    this.incarnation = options.incarnation;
    this.#clock = options.clock;
    this.bootCounter = options.bootCounter ?? 0;
    this.#durableLsn = options.durableLsn ?? (() => 0);
    this.#refused = options.refused ?? (() => undefined);
    this.done = new DoneMap(this.members.map(({ id }) => id));
    const pins = options.recorded?.pins ?? [];
    this.#records = new Map(
      this.peers.map((id) => [
        id,
        {
          incarnation: pins.find(({ replica }) => replica === id)?.incarnation,
          pinned: pins.some(({ replica }) => replica === id),
          log: pins.find(({ replica }) => replica === id)?.log ?? unheardLog,
          heardAtMs: undefined,
          learnedThrough: undefined,
          introduced: options.introductions === 'none',
          refusal: '',
          refusesUs: false,
        },
      ]),
    );
    this.#mergeDone(options.recorded?.done ?? []);
  }

  /** The end of the own synced log; 0 in memory. */
  get durableLsn(): number {
    return this.#durableLsn();
  }

  /** The other members. */
  get peers(): readonly ReplicaId[] {
    return this.members.map(({ id }) => id).filter((id) => id !== this.me);
  }

  /** @throws RangeError if `id` is not a member */
  addressOf(id: ReplicaId): string {
    const member = this.members.find((candidate) => candidate.id === id);
    if (member === undefined) throw new RangeError(`replica ${id} is not a member`);
    return member.address;
  }

  get majority(): number {
    return majorityOf(this.members.length);
  }

  envelope<Body>(to: ReplicaId, body: Body): Enveloped<Body> {
    return {
      header: {
        protocolVersion,
        clusterId: this.clusterId,
        groupId: 0,
        configEpoch: 0,
        from: this.me,
        to,
        incarnation: this.incarnation,
        bootCounter: this.bootCounter,
        done: this.done.entries(),
        learnedThrough: this.learnedThrough,
        durableLsn: this.#durableLsn(),
      },
      body,
    };
  }

  /**
   * Judges a header and takes in what it tells.
   * @throws PeerRefusal, which has been counted
   */
  admit(header: Header): void {
    const record = this.#judge(header);
    if (!record.introduced) {
      throw new PeerRefusal(
        'not-introduced',
        `replica ${this.me} has not seen the identity of replica ${header.from} yet`,
      );
    }
    this.#takeIn(record, header);
  }

  /**
   * Judges the header of a Hello, whose body has the sender's identity; `problem` says how that differs from ours,
   * or undefined if it does not. From then on its other messages count.
   * @throws PeerRefusal, which has been counted
   */
  introduce(header: Header, problem: string | undefined): void {
    const record = this.#judge(header);
    record.introduced = problem === undefined;
    if (problem !== undefined) throw this.refuse('different-identity', problem, header.from);
    this.#takeIn(record, header);
  }

  #takeIn(record: PeerRecord, header: Header): void {
    record.incarnation = header.incarnation;
    record.heardAtMs = this.#clock.now();
    record.learnedThrough = header.learnedThrough;
    if (!record.refusesUs) record.refusal = '';
    record.log = heardLog(record.log, header.bootCounter, header.durableLsn);
    this.#mergeDone(header.done);
  }

  #mergeDone(entries: readonly DoneEntry[]): void {
    for (const entry of entries) {
      if (this.#isKnownProcess(entry.replica, entry.incarnation)) this.done.merge(entry);
    }
  }

  /** A peer's incarnation is on record here, where records last. */
  pinned(peer: ReplicaId): void {
    const record = this.#records.get(peer);
    if (record !== undefined) record.pinned = true;
  }

  /** The incarnation of a peer that is known but not on record yet. */
  toPin(peer: ReplicaId): Incarnation | undefined {
    const record = this.#records.get(peer);
    return record?.pinned === false ? record.incarnation : undefined;
  }

  /** The peers on record. */
  pins(): Pin[] {
    return [...this.#records].flatMap(([replica, { pinned, incarnation, log }]) =>
      pinned && incarnation !== undefined ? [{ replica, incarnation, log }] : [],
    );
  }

  /** Counts a refusal and keeps its text for the status table; answers the error to throw. */
  refuse(cause: RefusalCause, message: string, peer?: ReplicaId): PeerRefusal {
    this.refusals.set(cause, (this.refusals.get(cause) ?? 0) + 1);
    this.#keepRefusal(peer, message);
    return new PeerRefusal(cause, message);
  }

  /** Keeps the text of a refusal that a peer sent us. */
  refusedBy(peer: ReplicaId, message: string): void {
    const record = this.#records.get(peer);
    if (record !== undefined) record.refusesUs = true;
    this.#keepRefusal(peer, `refused by replica ${peer}: ${message}`);
  }

  /** A peer has answered a call of ours. */
  acceptedBy(peer: ReplicaId): void {
    const record = this.#records.get(peer);
    if (record !== undefined) record.refusesUs = false;
  }

  #keepRefusal(peer: ReplicaId | undefined, message: string): void {
    const record = peer === undefined ? undefined : this.#records.get(peer);
    if (message === (record?.refusal ?? this.#lastRefusal)) return;
    this.#lastRefusal = message;
    if (record !== undefined) record.refusal = message;
    this.#refused(message);
  }

  peer(id: ReplicaId): PeerView {
    const record = this.#records.get(id);
    const heardAtMs = record?.heardAtMs;
    return {
      incarnation: record?.incarnation,
      heardMsAgo: heardAtMs === undefined ? undefined : this.#clock.now() - heardAtMs,
      learnedThrough: record?.learnedThrough,
      introduced: record?.introduced ?? false,
      refusal: record?.refusal ?? '',
    };
  }

  /** How many members, this one included, were heard within the last `ms` milliseconds and do not refuse us. */
  heardWithin(ms: number): number {
    const counts = (id: ReplicaId) =>
      (this.peer(id).heardMsAgo ?? Infinity) <= ms && this.#records.get(id)?.refusesUs !== true;
    return 1 + this.peers.filter(counts).length;
  }

  #judge(header: Header): PeerRecord {
    const { from } = header;
    if (header.protocolVersion !== protocolVersion) {
      throw this.refuse(
        'garbled',
        `protocol version ${header.protocolVersion}; this replica speaks ${protocolVersion}`,
        from,
      );
    }
    if (header.clusterId !== this.clusterId) {
      throw this.refuse(
        'wrong-cluster',
        `replica ${from} is of cluster ${header.clusterId}; replica ${this.me} is of cluster ${this.clusterId}`,
        from,
      );
    }
    if (header.to !== this.me) {
      throw this.refuse('wrong-receiver', `meant for replica ${header.to}; this is replica ${this.me}`, from);
    }
    const record = this.#records.get(from);
    if (record === undefined) {
      throw this.refuse('unknown-sender', `replica ${from} is not a peer of replica ${this.me}`);
    }
    if (record.incarnation !== undefined && record.incarnation !== header.incarnation) {
      throw this.refuse(
        'changed-incarnation',
        `replica ${from} has come back as ${header.incarnation}; replica ${this.me} knows it as ${record.incarnation}, ` +
          'and one that lost its promises must never return under its id',
        from,
      );
    }
    return record;
  }

  #isKnownProcess(replica: ReplicaId, incarnation: Incarnation): boolean {
    // What this replica is done with, nobody else can tell it.
    if (replica === this.me) return false;
    const known = this.#records.get(replica)?.incarnation;
    return known === undefined || known === incarnation;
  }
}
