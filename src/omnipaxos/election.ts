import { compareBallots, type Ballot } from '../log/ballot.js';
import type { ReplicaId } from '../log/ids.js';
import type { Heartbeat, HeartbeatRequest } from './messages.js';

export interface ElectionOptions {
  readonly me: ReplicaId;
  readonly majority: number;
  /** From the own disk: the leader that was followed last. */
  readonly promised: Ballot | undefined;
}

/** How a replica stands when a round ends. */
export interface Standing {
  /** The own promise. It comes from its leader itself, so following it is no gossip. */
  readonly promised: Ballot | undefined;
  /** Whether this replica could lead: it may vote, has room to write, and its log is whole. */
  readonly eligible: boolean;
  readonly isConnected: (peer: ReplicaId) => boolean;
}

const higher = (left: Ballot | undefined, right: Ballot | undefined): Ballot | undefined =>
  compareBallots(left, right) >= 0 ? left : right;

/**
 * Ballot leader election on quorum-connectedness, in the form of the paper: a replica answers heartbeats with its own
 * ballot and whether it hears a majority, never with whom it follows. At the end of each round one that hears a majority
 * looks at the highest ballot among those who do as well: a higher one than its leader's is its new leader, a lower one
 * means that its leader is gone, and it claims a higher ballot itself.
 *
 * Departures, each argued in docs/omnipaxos.md: a claim counts at once; a leader that is silent for one round while its
 * connection stands is given another; a heartbeat one round late counts; what a leader and its followers say to each other
 * counts as hearing them; a deposed leader claims again if those who refused it hear no leader.
 */
export class Election {
  readonly #options: ElectionOptions;
  #round = 0;
  /** The own ballot as others may see it: its promise is on disk. */
  #ballot: Ballot | undefined;
  #claimed: Ballot | undefined;
  #leader: Ballot | undefined;
  #heard: ReadonlySet<ReplicaId> = new Set();
  #isQuorumConnected = false;
  #isEligible = false;
  #isLed = false;
  #isGivenTime = false;
  readonly #heartbeats = new Map<ReplicaId, Heartbeat>();
  readonly #prepares = new Map<ReplicaId, Ballot>();
  readonly #leaders = new Map<ReplicaId, Ballot>();
  readonly #answered = new Set<ReplicaId>();
  readonly #refusals = new Map<ReplicaId, Ballot>();
  #lateHeartbeats = 0;

  constructor(options: ElectionOptions) {
    this.#options = options;
    this.#leader = options.promised;
  }

  /** The ballot that is followed; never falls. */
  get leader(): Ballot | undefined {
    return this.#leader;
  }

  /** The peers that were heard in the last round. */
  get heardPeers(): ReadonlySet<ReplicaId> {
    return this.#heard;
  }

  /** Whether a majority, this replica included, was heard in the last round. */
  get isQuorumConnected(): boolean {
    return this.#isQuorumConnected;
  }

  /** Whether the leader that is followed was heard in the last round; of a leader, whether it is one. */
  get isLed(): boolean {
    return this.#isLed;
  }

  /** Heartbeats that came after their round had ended: the election timeout is too short, or a machine too busy. */
  get lateHeartbeats(): number {
    return this.#lateHeartbeats;
  }

  get round(): number {
    return this.#round;
  }

  answer({ round }: HeartbeatRequest): Heartbeat {
    return {
      kind: 'heartbeat',
      round,
      ballot: this.#ballot,
      candidate: this.#isQuorumConnected && this.#isEligible,
      led: this.#isLed,
    };
  }

  /** One that is a round late stands for this round as long as nothing newer comes: its sender is slow, not gone. */
  heard(from: ReplicaId, heartbeat: Heartbeat): void {
    const lateRounds = this.#round - heartbeat.round;
    if (lateRounds > 0) this.#lateHeartbeats += 1;
    if (lateRounds === 0 || (lateRounds === 1 && !this.#heartbeats.has(from))) {
      this.#heartbeats.set(from, heartbeat);
    }
  }

  /** Its sender leads with this ballot now, whatever it said in this round. */
  heardPrepare(from: ReplicaId, ballot: Ballot): void {
    this.#prepares.set(from, ballot);
  }

  /** Its sender acts as the leader that is followed; that stands for a heartbeat of this round that does not come. */
  heardLeader(from: ReplicaId, ballot: Ballot): void {
    this.#leaders.set(from, ballot);
  }

  /** A follower has answered this leader, so that it is there, whether or not its heartbeat comes. */
  heardAnswer(from: ReplicaId): void {
    this.#answered.add(from);
  }

  /** A follower has refused this leader for a higher promise. */
  refusedBy(from: ReplicaId, promised: Ballot): void {
    this.#refusals.set(from, promised);
  }

  /** The promise of the own claim is on disk. */
  claimIsDurable(ballot: Ballot): void {
    this.#ballot = ballot;
  }

  /** Ends a round and begins the next. Answers the ballot to lead with, if this replica takes over. */
  endRound(standing: Standing): Ballot | undefined {
    this.#leader = higher(this.#leader, standing.promised);
    const heard = [...this.#heartbeats.keys(), ...this.#answered];
    this.#heard = new Set(heard.filter((peer) => standing.isConnected(peer)));
    this.#isQuorumConnected = this.#heard.size + 1 >= this.#options.majority;
    this.#isEligible = standing.eligible;
    const claim = this.#judge(standing);
    this.#heartbeats.clear();
    this.#prepares.clear();
    this.#leaders.clear();
    this.#answered.clear();
    this.#round += 1;
    return claim;
  }

  #judge(standing: Standing): Ballot | undefined {
    const top = this.#highestCandidate();
    const isAbove = compareBallots(top, this.#leader) > 0;
    if (isAbove) this.#follow(top);
    this.#isLed = this.#leader !== undefined && compareBallots(top, this.#leader) === 0;
    if (this.#isLed) this.#isGivenTime = false;
    if (!this.#isQuorumConnected || !standing.eligible) return undefined;
    if (this.#isLed) return this.#isAbandoned() ? this.#claim(standing) : undefined;
    if (this.#mayBeLate(standing)) {
      this.#isGivenTime = true;
      return undefined;
    }
    return this.#claim(standing);
  }

  /** Among those that could lead; the own claim is one, also before it is shown. */
  #highestCandidate(): Ballot | undefined {
    let top = this.#isQuorumConnected && this.#isEligible ? this.#claimed : undefined;
    for (const { ballot, candidate } of this.#heartbeats.values()) if (candidate) top = higher(top, ballot);
    for (const ballot of this.#prepares.values()) top = higher(top, ballot);
    // What it says of itself in this round counts more: it may have to tell that it cannot lead.
    for (const [peer, ballot] of this.#leaders) if (!this.#heartbeats.has(peer)) top = higher(top, ballot);
    return top;
  }

  #follow(ballot: Ballot | undefined): void {
    this.#leader = ballot;
    this.#refusals.clear();
  }

  /**
   * The leader did not answer in this round, once, and its connection stands: it may be busy. One that answers that it
   * cannot lead is gone at once.
   */
  #mayBeLate({ isConnected }: Standing): boolean {
    const { me } = this.#options;
    const leader = this.#leader?.replica;
    if (leader === undefined || leader === me || this.#isGivenTime) return false;
    return !this.#heartbeats.has(leader) && isConnected(leader);
  }

  /**
   * This replica is the leader it follows and was refused for a promise to another, which none of those who refused hears
   * any more. While one does, the other leads, and this replica stays quiet: ends of a chain must not depose each other.
   */
  #isAbandoned(): boolean {
    if (this.#leader?.replica !== this.#options.me) return false;
    const answers = [...this.#refusals.keys()].flatMap((peer) => this.#heartbeats.get(peer) ?? []);
    return answers.length > 0 && answers.every(({ led }) => !led);
  }

  #claim({ promised }: Standing): Ballot {
    const above = [this.#leader, promised, this.#claimed, ...this.#refusals.values()].reduce<
      Ballot | undefined
    >((left, right) => higher(left, right), undefined);
    const claimed = { round: (above?.round ?? 0) + 1, replica: this.#options.me };
    this.#claimed = claimed;
    this.#isLed = true;
    this.#isGivenTime = false;
    this.#follow(claimed);
    return claimed;
  }
}
