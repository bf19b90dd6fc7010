import { compareBallots, type Ballot } from '../log/ballot.js';
import { majorityOf, type ReplicaId, type Slot } from '../log/ids.js';
import type { LogState } from './accepted-log.js';
import { Election } from './election.js';
import { checkQuorumConnected } from './invariants.js';
import type { Message, OmnipaxosRecord, Synced } from './messages.js';
import type { Phase } from './phase.js';
import { SequencePaxos } from './sequence-paxos.js';
import { StepBuilder, type OmnipaxosStep } from './step.js';

export interface OmnipaxosReplicaOptions {
  readonly me: ReplicaId;
  /** All members, this one included. */
  readonly members: readonly ReplicaId[];
  readonly log: LogState;
  /** Whether this replica may promise and vote (rules R6, R11). Until then it is silent. */
  readonly mayVote: () => boolean;
  /** Whether records can be written (rule R15). */
  readonly hasSpace: () => boolean;
}

/** What a replica is to its clients. */
export type Leadership =
  /** It leads and hears a majority. */
  | { readonly kind: 'leading'; readonly ballot: Ballot }
  /** It is about to. */
  | { readonly kind: 'preparing'; readonly ballot: Ballot }
  /** Another replica leads, if one is known to that is within reach, or has been heard of from one that is. */
  | { readonly kind: 'following'; readonly leader: ReplicaId | undefined };

/**
 * One replica of OmniPaxos: leader election on quorum-connectedness and Sequence Paxos, as one deterministic machine.
 * Every input answers a step: what must be on disk, what may be sent at once, and what only after that. No clock, socket
 * or disk is inside; time comes as ticks, one an election timeout. The two halves share the promise and nothing else.
 */
export class OmnipaxosReplica {
  readonly #options: OmnipaxosReplicaOptions;
  readonly #election: Election;
  readonly #sequencePaxos: SequencePaxos;
  readonly #connected = new Set<ReplicaId>();

  constructor(options: OmnipaxosReplicaOptions) {
    const { me, members, log } = options;
    this.#options = options;
    const election = new Election({ me, majority: majorityOf(members.length), promised: log.promised });
    this.#election = election;
    this.#sequencePaxos = new SequencePaxos({
      ...options,
      isConnected: (peer) => this.#connected.has(peer),
      heardPrepare: (from, ballot) => {
        election.heardPrepare(from, ballot);
      },
      heardLeader: (from, ballot) => {
        election.heardLeader(from, ballot);
      },
      heardAnswer: (from) => {
        election.heardAnswer(from);
      },
      refusedBy: (from, promised) => {
        election.refusedBy(from, promised);
      },
      claimIsDurable: (ballot) => {
        election.claimIsDurable(ballot);
      },
    });
  }

  get phase(): Phase {
    return this.#sequencePaxos.phase;
  }

  get log(): SequencePaxos['log'] {
    return this.#sequencePaxos.log;
  }

  get election(): Pick<Election, 'leader' | 'isQuorumConnected' | 'isLed' | 'lateHeartbeats'> {
    return this.#election;
  }

  get leadership(): Leadership {
    const { phase } = this;
    if (phase.kind !== 'leading' && phase.kind !== 'preparing') {
      return { kind: 'following', leader: this.#leaderToName() };
    }
    if (!this.#election.isQuorumConnected) return { kind: 'following', leader: undefined };
    if (!this.#isMajorityWithMe()) return { kind: 'following', leader: this.#leaderToName() };
    return { kind: phase.kind, ballot: phase.ballot };
  }

  /** Whether a majority was heard in the last round of those that have not gone over to a higher ballot. */
  #isMajorityWithMe(): boolean {
    const { members } = this.#options;
    const withMe = [...this.#election.heardPeers].filter((peer) => !this.#sequencePaxos.isLost(peer));
    return withMe.length + 1 >= majorityOf(members.length);
  }

  /** What says again all that is promised and accepted, once the entries at or above the floor are kept (rule R5). */
  liveRecords(): OmnipaxosRecord[] {
    return this.#sequencePaxos.liveRecords();
  }

  /** Begins to ask for heartbeats. */
  start(): OmnipaxosStep {
    return this.#step((step) => {
      this.#askForHeartbeats(step);
    });
  }

  /** An election timeout has passed. */
  tick(): OmnipaxosStep {
    return this.#step((step) => {
      const { mayVote, hasSpace } = this.#options;
      const leader = this.#leaderToTry();
      const isReachable = leader !== undefined && this.#connected.has(leader);
      this.#sequencePaxos.tick(step, isReachable ? leader : undefined);
      const { promised, counted } = this.log;
      const claim = this.#election.endRound({
        promised,
        eligible: mayVote() && hasSpace() && counted,
        isConnected: (peer) => this.#connected.has(peer),
      });
      if (claim !== undefined) {
        checkQuorumConnected(this.#election.heardPeers.size + 1, majorityOf(this.#options.members.length));
        this.#sequencePaxos.lead(step, claim);
      }
      this.#askForHeartbeats(step);
    });
  }

  /** A session with a peer has begun. */
  connected(peer: ReplicaId): OmnipaxosStep {
    this.#connected.add(peer);
    return this.#step((step) => {
      this.#sequencePaxos.sessionChanged(step, peer);
      // Or it would not be heard in this round, and a session that ends meanwhile would leave no majority.
      this.#askForHeartbeat(step, peer);
    });
  }

  disconnected(peer: ReplicaId): OmnipaxosStep {
    this.#connected.delete(peer);
    return this.#step((step) => {
      this.#sequencePaxos.sessionChanged(step, peer);
    });
  }

  /** Appends values to the log. @throws RangeError unless this replica leads */
  propose(values: readonly Uint8Array[]): OmnipaxosStep {
    return this.#step((step) => {
      this.#sequencePaxos.propose(step, values);
    });
  }

  /** Tells followers what has been decided, if no values are about to. */
  tellDecided(): OmnipaxosStep {
    return this.#step((step) => {
      this.#sequencePaxos.tellDecided(step);
    });
  }

  /**
   * Asks everybody in reach whether they still promise this leader's ballot; the answers are happenings.
   * @throws RangeError unless this replica leads
   */
  confirm(number: number): OmnipaxosStep {
    return this.#step((step) => {
      for (const peer of this.#connected) this.#sequencePaxos.confirm(step, peer, number);
    });
  }

  /** Lets go of what lies below `floor`; the record that says so is on disk (rule R3). */
  forgetBelow(floor: Slot): void {
    this.#sequencePaxos.forgetBelow(floor);
  }

  /** A snapshot through `through` stands for everything up to there, and the floor above it is on disk (rule R12). */
  installed(through: Slot): OmnipaxosStep {
    return this.#step((step) => {
      this.#sequencePaxos.installed(step, through);
    });
  }

  /** What this replica wrote is on disk: its own promise and votes count. */
  synced(synced: Synced): OmnipaxosStep {
    return this.#step((step) => {
      this.#sequencePaxos.synced(step, synced);
    });
  }

  /** A peer has said something on the present session. */
  receive(from: ReplicaId, message: Message): OmnipaxosStep {
    return this.#step((step) => {
      if (!this.#options.mayVote()) return;
      switch (message.kind) {
        case 'heartbeat-request':
          step.send(from, this.#election.answer(message));
          this.#sequencePaxos.heardLastSent(step, from, message.sent);
          break;
        case 'heartbeat':
          this.#election.heard(from, message);
          break;
        default:
          this.#sequencePaxos.receive(step, from, message);
      }
    });
  }

  #askForHeartbeats(step: StepBuilder): void {
    for (const peer of this.#connected) this.#askForHeartbeat(step, peer);
  }

  #askForHeartbeat(step: StepBuilder, peer: ReplicaId): void {
    if (!this.#options.mayVote()) return;
    const sent = this.#sequencePaxos.lastSentTo(peer);
    step.send(peer, { kind: 'heartbeat-request', round: this.#election.round, sent });
  }

  /** Whom clients are sent to. A leader that cannot be reached is named only by one who refused this replica for it. */
  #leaderToName(): ReplicaId | undefined {
    const leader = this.#leaderToTry();
    if (leader === undefined || this.#connected.has(leader)) return leader;
    return leader === this.#sequencePaxos.overtakenBy?.replica ? leader : undefined;
  }

  /** Whom a replica that does not lead believes to lead. */
  #leaderToTry(): ReplicaId | undefined {
    const known = [this.#election.leader, this.log.promised, this.#sequencePaxos.overtakenBy];
    const highest = known.reduce((left, right) => (compareBallots(left, right) >= 0 ? left : right));
    return highest?.replica === this.#options.me ? undefined : highest?.replica;
  }

  #step(body: (step: StepBuilder) => void): OmnipaxosStep {
    const step = new StepBuilder();
    body(step);
    return step;
  }
}
