import { compareBallots, type Ballot } from '../log/ballot.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { AcceptedLog, type LogState } from './accepted-log.js';
import {
  missed,
  onAcceptDecide,
  onAcceptSync,
  onPrepare,
  recovering,
  type FollowerWorld,
} from './follower.js';
import { checkFreshBallot } from './invariants.js';
import {
  append,
  lookForMajority,
  onAccepted,
  onLeaderTick,
  onNotAccepted,
  onPageReceived,
  onPromise,
  prepare,
  prepareAll,
  tellDecided,
  type LeaderWorld,
} from './leader.js';
import type {
  AcceptDecide,
  AcceptSync,
  Behind,
  Confirm,
  HeartbeatRequest,
  NotAccepted,
  OmnipaxosRecord,
  Prepare,
  PrepareRequest,
  SequencePaxosMessage,
  Synced,
} from './messages.js';
import { patienceTicks, type Leading, type Phase, type Preparing } from './phase.js';
import type { StepBuilder } from './step.js';

export interface SequencePaxosOptions {
  readonly me: ReplicaId;
  /** All members, this one included. */
  readonly members: readonly ReplicaId[];
  readonly log: LogState;
  /** Whether records can be written (rule R15). */
  readonly hasSpace: () => boolean;
  readonly isConnected: (peer: ReplicaId) => boolean;
  /** Told of a Prepare, whose sender leads with this ballot now. */
  readonly heardPrepare: (from: ReplicaId, ballot: Ballot) => void;
  /** Told of anything else that the leader of the promised ballot says. */
  readonly heardLeader: (from: ReplicaId, ballot: Ballot) => void;
  /** Told of every answer to this leader under its ballot. */
  readonly heardAnswer: (from: ReplicaId) => void;
  /** Told of a higher promise that a follower refused this leader for. */
  readonly refusedBy: (from: ReplicaId, promised: Ballot) => void;
  /** Told when the promise of the own ballot is on disk, so that others may hear of it. */
  readonly claimIsDurable: (ballot: Ballot) => void;
}

type Answer = Extract<SequencePaxosMessage, { kind: 'promise' | 'page-received' | 'accepted' | 'confirmed' }>;

const isLeader = (phase: Phase): phase is Preparing | Leading =>
  phase.kind === 'preparing' || phase.kind === 'leading';

/** Replicates one log under the leader that the election names; one handler a message. */
export class SequencePaxos {
  readonly #options: SequencePaxosOptions;
  readonly #log: AcceptedLog;
  readonly #syncs = new Map<ReplicaId, number>();
  /** The highest promise that this replica was refused for; a hint for clients, and nothing more. */
  #overtakenBy: Ballot | undefined;
  #phase: Phase = recovering;

  constructor(options: SequencePaxosOptions) {
    this.#options = options;
    this.#log = new AcceptedLog(options.log);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get log(): Omit<AcceptedLog, 'promise' | 'replace' | 'append' | 'decide' | 'forgetBelow' | 'installed'> {
    return this.#log;
  }

  /** Whether a peer has promised a higher ballot than this leader's, so that it is nothing to this leader any more. */
  isLost(peer: ReplicaId): boolean {
    return isLeader(this.#phase) && this.#phase.followers.get(peer)?.kind === 'lost';
  }

  get overtakenBy(): Ballot | undefined {
    return this.#overtakenBy;
  }

  /** What says again all that is promised and accepted, once the entries at or above the floor are kept (rule R5). */
  liveRecords(): OmnipaxosRecord[] {
    const { promised, accepted } = this.#log;
    const records: OmnipaxosRecord[] = promised === undefined ? [] : [{ kind: 'promise', ballot: promised }];
    if (accepted !== undefined) records.push({ kind: 'accepted-under', ballot: accepted });
    return records;
  }

  /** This replica has been elected with a ballot above all it knows. */
  lead(step: StepBuilder, ballot: Ballot): void {
    checkFreshBallot(this.#log.promised, ballot);
    step.record(...this.#log.promise(ballot));
    step.tellSelfAfterSync({ kind: 'own-promise', ballot });
    this.#overtakenBy = undefined;
    this.#phase = { kind: 'preparing', ballot, ownPromised: false, followers: new Map() };
    prepareAll(this.#leaderWorld(step), this.#phase);
  }

  /** A session with a peer has begun or ended: what was sent on an earlier one may be lost. */
  sessionChanged(step: StepBuilder, peer: ReplicaId): void {
    if (isLeader(this.#phase)) prepare(this.#leaderWorld(step), this.#phase, peer);
    else if (this.#phase.kind !== 'recovering' && this.#phase.ballot.replica === peer) {
      // A leader sends Prepare by itself when a session begins.
      this.#phase = { kind: 'recovering', askInTicks: patienceTicks };
    }
  }

  /** Appends values to the log. @throws RangeError unless this replica leads */
  propose(step: StepBuilder, values: readonly Uint8Array[]): void {
    append(this.#leaderWorld(step), this.#leading('proposed'), values);
  }

  /** Tells followers what has been decided, if no values are about to. */
  tellDecided(step: StepBuilder): void {
    if (this.#phase.kind === 'leading') tellDecided(this.#leaderWorld(step), this.#phase);
  }

  /** Asks a peer whether it still promises this leader's ballot. @throws RangeError unless this replica leads */
  confirm(step: StepBuilder, peer: ReplicaId, number: number): void {
    step.send(peer, { kind: 'confirm', ballot: this.#leading('asked to confirm').ballot, number });
  }

  #leading(what: string): Leading {
    if (this.#phase.kind !== 'leading') throw new RangeError(`${what} while ${this.#phase.kind}`);
    return this.#phase;
  }

  forgetBelow(floor: Slot): void {
    this.#log.forgetBelow(floor);
  }

  installed(step: StepBuilder, through: Slot): void {
    const endBefore = this.#log.acceptedEnd;
    this.#log.installed(through);
    if (isLeader(this.#phase)) {
      // What it asked for began at the end of the log it had.
      if (this.#phase.kind === 'preparing') prepareAll(this.#leaderWorld(step), this.#phase);
    } else if (this.#phase.kind === 'recovering') {
      this.#phase = recovering;
    } else if (this.#log.acceptedEnd !== endBefore) {
      this.#phase = missed(step, this.#phase.ballot.replica, this.#log);
    }
  }

  /** What this replica wrote is on disk: its own promise and votes count. */
  synced(step: StepBuilder, synced: Synced): void {
    const phase = this.#phase;
    if (!isLeader(phase) || compareBallots(phase.ballot, synced.ballot) !== 0) return;
    const world = this.#leaderWorld(step);
    if (synced.kind === 'own-accepted') {
      if (phase.kind === 'leading') onAccepted(world, phase, this.#options.me, synced);
    } else if (phase.kind === 'preparing') {
      this.#options.claimIsDurable(synced.ballot);
      const speaking: Preparing = { ...phase, ownPromised: true };
      prepareAll(world, speaking);
      this.#phase = lookForMajority(world, speaking);
    }
  }

  receive(step: StepBuilder, from: ReplicaId, message: SequencePaxosMessage): void {
    switch (message.kind) {
      case 'prepare':
        this.#handlePrepare(step, from, message);
        break;
      case 'accept-sync':
        this.#handleAcceptSync(step, from, message);
        break;
      case 'accept-decide':
        this.#handleAcceptDecide(step, from, message);
        break;
      case 'confirm':
        this.#handleConfirm(step, from, message);
        break;
      case 'behind':
        this.#handleBehind(step, from, message);
        break;
      case 'prepare-request':
        this.#handlePrepareRequest(step, from, message);
        break;
      case 'not-accepted':
        this.#handleNotAccepted(step, from, message);
        break;
      case 'promise':
      case 'page-received':
      case 'accepted':
      case 'confirmed':
        this.#handleAnswer(step, from, message);
    }
  }

  /** The numbered message that a leader sent to a peer last, as a heartbeat says it. */
  lastSentTo(peer: ReplicaId): HeartbeatRequest['sent'] {
    const follower = this.#phase.kind === 'leading' ? this.#phase.followers.get(peer) : undefined;
    return follower?.kind === 'in-step' ? { sync: follower.sync, counter: follower.counter } : undefined;
  }

  /** A peer has said which numbered message it sent last. */
  heardLastSent(step: StepBuilder, from: ReplicaId, sent: HeartbeatRequest['sent']): void {
    const phase = this.#phase;
    if (phase.kind !== 'following' || phase.ballot.replica !== from || sent?.sync !== phase.sync) return;
    if (sent.counter > phase.counter) this.#phase = missed(step, from, this.#log);
  }

  /** Asks again for what has not come for long. `leader` is whom a replica in step with nobody asks. */
  tick(step: StepBuilder, leader: ReplicaId | undefined): void {
    const phase = this.#phase;
    if (isLeader(phase)) {
      const world = this.#leaderWorld(step);
      onLeaderTick(world, phase);
      // It may have had no space, or no snapshot, when the last promise came.
      if (phase.kind === 'preparing') this.#phase = lookForMajority(world, phase);
    } else if (phase.kind === 'promised') {
      const isLost = phase.patienceTicks <= 1;
      this.#phase = isLost ? recovering : { ...phase, patienceTicks: phase.patienceTicks - 1 };
    } else if (phase.kind === 'recovering') {
      this.#phase = { ...phase, askInTicks: phase.askInTicks - 1 };
      if (phase.askInTicks > 1 || leader === undefined || !this.#options.hasSpace()) return;
      this.#phase = missed(step, leader, this.#log);
    }
  }

  #handlePrepare(step: StepBuilder, from: ReplicaId, message: Prepare): void {
    const { ballot } = message;
    const order = compareBallots(ballot, this.#log.promised);
    if (order < 0) {
      this.#refuse(step, from);
      return;
    }
    if (ballot.replica !== from || (order > 0 && !this.#options.hasSpace())) return;
    this.#options.heardPrepare(from, ballot);
    this.#phase = onPrepare(this.#followerWorld(step), from, message);
  }

  #handleAcceptSync(step: StepBuilder, from: ReplicaId, message: AcceptSync): void {
    if (this.#bearsAnotherBallot(step, from, message.ballot) || this.#phase.kind !== 'promised') return;
    this.#phase = onAcceptSync(this.#followerWorld(step), this.#phase, from, message);
  }

  #handleAcceptDecide(step: StepBuilder, from: ReplicaId, message: AcceptDecide): void {
    if (this.#bearsAnotherBallot(step, from, message.ballot) || this.#phase.kind !== 'following') return;
    this.#phase = onAcceptDecide(this.#followerWorld(step), this.#phase, from, message);
  }

  #handleConfirm(step: StepBuilder, from: ReplicaId, { ballot, number }: Confirm): void {
    if (this.#bearsAnotherBallot(step, from, ballot)) return;
    step.send(from, { kind: 'confirmed', ballot, number });
  }

  #handleBehind(step: StepBuilder, from: ReplicaId, { ballot, floor }: Behind): void {
    if (this.#bearsAnotherBallot(step, from, ballot) || this.#phase.kind !== 'promised') return;
    if (this.#log.decidedEnd >= floor) {
      this.#phase = missed(step, from, this.#log);
    } else {
      this.#phase = { kind: 'recovering', askInTicks: patienceTicks };
      step.happened({ kind: 'behind', peer: from, floor });
    }
  }

  /**
   * Whether a leader's message bears another ballot than the promised one: a lower one is refused, and for a higher one
   * the Prepare was missed.
   */
  #bearsAnotherBallot(step: StepBuilder, from: ReplicaId, ballot: Ballot): boolean {
    const { promised } = this.#log;
    const order = compareBallots(ballot, promised);
    if (order < 0) this.#refuse(step, from);
    else if (order > 0) step.send(from, { kind: 'prepare-request', promised });
    else this.#options.heardLeader(from, ballot);
    return order !== 0;
  }

  #refuse(step: StepBuilder, from: ReplicaId): void {
    const { promised } = this.#log;
    if (promised !== undefined) step.send(from, { kind: 'not-accepted', promised });
  }

  #handlePrepareRequest(step: StepBuilder, from: ReplicaId, { promised }: PrepareRequest): void {
    const phase = this.#phase;
    if (!isLeader(phase)) return;
    if (promised !== undefined && compareBallots(promised, phase.ballot) > 0) {
      this.#handleNotAccepted(step, from, { kind: 'not-accepted', promised });
    } else {
      prepare(this.#leaderWorld(step), phase, from);
    }
  }

  #handleNotAccepted(step: StepBuilder, from: ReplicaId, message: NotAccepted): void {
    const { promised } = message;
    const phase = this.#phase;
    if (!isLeader(phase) || compareBallots(promised, phase.ballot) <= 0) return;
    this.#options.refusedBy(from, promised);
    if (compareBallots(promised, this.#overtakenBy) > 0) this.#overtakenBy = promised;
    if (!onNotAccepted(this.#leaderWorld(step), phase, from, message)) {
      this.#phase = { kind: 'recovering', askInTicks: patienceTicks };
    }
  }

  #handleAnswer(step: StepBuilder, from: ReplicaId, message: Answer): void {
    const phase = this.#phase;
    if (!isLeader(phase) || compareBallots(message.ballot, phase.ballot) !== 0) return;
    this.#options.heardAnswer(from);
    const world = this.#leaderWorld(step);
    if (message.kind === 'promise') {
      this.#phase = onPromise(world, phase, from, message);
      return;
    }
    if (phase.kind !== 'leading') return;
    switch (message.kind) {
      case 'page-received':
        onPageReceived(world, phase, from, message);
        break;
      case 'accepted':
        onAccepted(world, phase, from, message);
        break;
      case 'confirmed':
        step.happened({ kind: 'confirmed', peer: from, number: message.number });
    }
  }

  #leaderWorld(step: StepBuilder): LeaderWorld {
    const { me, members, hasSpace, isConnected } = this.#options;
    return {
      me,
      members,
      log: this.#log,
      step,
      hasSpace: hasSpace(),
      isConnected,
      nextSync: (peer) => {
        const sync = (this.#syncs.get(peer) ?? 0) + 1;
        this.#syncs.set(peer, sync);
        return sync;
      },
    };
  }

  #followerWorld(step: StepBuilder): FollowerWorld {
    return { log: this.#log, step, hasSpace: this.#options.hasSpace() };
  }
}
