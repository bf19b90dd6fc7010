import type { ReplicaId } from '../../src/log/ids.js';
import { onAccept, onDecide, onPrepare, untouched, type AcceptorState } from '../../src/paxos/acceptor.js';
import type { Ballot } from '../../src/log/ballot.js';
import { checkTransition } from '../../src/paxos/invariants.js';
import type { AcceptReply, PrepareReply } from '../../src/paxos/messages.js';
import { beginRound, onAcceptReply, onPrepareReply, type Round } from '../../src/paxos/round.js';
import { ballotOf, replicas, textOf, valueOf } from './paxos-values.js';

const slot = 0;

type Message =
  | { readonly kind: 'prepare'; readonly to: ReplicaId; readonly ballot: Ballot }
  | { readonly kind: 'accept'; readonly to: ReplicaId; readonly ballot: Ballot; readonly value: Uint8Array }
  | { readonly kind: 'decide'; readonly to: ReplicaId; readonly value: Uint8Array }
  | {
      readonly kind: 'prepared';
      readonly from: ReplicaId;
      readonly ballot: Ballot;
      readonly reply: PrepareReply;
    }
  | {
      readonly kind: 'accepted';
      readonly from: ReplicaId;
      readonly ballot: Ballot;
      readonly reply: AcceptReply;
    };

interface Proposer {
  readonly me: ReplicaId;
  lastRound: number;
  round: Round | undefined;
  ballot: Ballot | undefined;
}

/** What to do next; `pick` chooses among what there is to choose from. */
export interface Move {
  readonly kind: 'propose' | 'deliver' | 'duplicate' | 'lose';
  readonly pick: number;
}

/**
 * One instance of Paxos made of the pure parts alone, over a network that is a bag of messages. Who has voted for
 * what is written down beside it, so that what is chosen need not be taken from any proposer's word.
 */
export class PurePaxos {
  readonly #acceptors: Map<ReplicaId, AcceptorState>;
  readonly #proposers: readonly Proposer[];
  readonly #network: Message[] = [];
  readonly #votes = new Map<string, Set<ReplicaId>>();
  readonly #majority: number;
  readonly chosen = new Set<string>();
  /** What some proposer or acceptor believes to be decided. */
  readonly believed = new Set<string>();

  constructor(memberCount: number) {
    const members = replicas(memberCount);
    this.#majority = Math.floor(memberCount / 2) + 1;
    this.#acceptors = new Map(members.map((id) => [id, untouched]));
    this.#proposers = members.map((me) => ({ me, lastRound: 0, round: undefined, ballot: undefined }));
  }

  step({ kind, pick }: Move): void {
    if (kind === 'propose') {
      this.#propose(this.#proposers[pick % this.#proposers.length]!);
      return;
    }
    if (this.#network.length === 0) return;
    const index = pick % this.#network.length;
    const message = this.#network[index]!;
    if (kind !== 'duplicate') this.#network.splice(index, 1);
    if (kind !== 'lose') this.#deliver(message);
  }

  #propose(proposer: Proposer): void {
    proposer.lastRound += 1;
    proposer.ballot = ballotOf(proposer.lastRound, proposer.me);
    proposer.round = beginRound(proposer.ballot);
    for (const to of this.#acceptors.keys()) {
      this.#network.push({ kind: 'prepare', to, ballot: proposer.ballot });
    }
  }

  #deliver(message: Message): void {
    switch (message.kind) {
      case 'prepare': {
        const { ballot, to } = message;
        const { state, step } = onPrepare(this.#acceptor(to), { slot, ballot });
        this.#advance(to, state);
        for (const reply of [...step.atOnce, ...step.afterSync]) {
          this.#network.push({ kind: 'prepared', from: to, ballot, reply });
        }
        return;
      }
      case 'accept': {
        const { ballot, to, value } = message;
        const { state, step } = onAccept(this.#acceptor(to), { slot, ballot, value });
        this.#advance(to, state);
        for (const reply of [...step.atOnce, ...step.afterSync]) {
          if (reply.kind === 'accept-ok') this.#noteVote(to, ballot, value);
          this.#network.push({ kind: 'accepted', from: to, ballot, reply });
        }
        return;
      }
      case 'decide':
        this.#advance(message.to, onDecide(this.#acceptor(message.to), { slot, value: message.value }).state);
        return;
      case 'prepared':
      case 'accepted':
        this.#answer(message);
    }
  }

  #answer(message: Extract<Message, { kind: 'prepared' | 'accepted' }>): void {
    const proposer = this.#proposers.find(({ me }) => me === message.ballot.replica)!;
    const before = proposer.round;
    // An answer to an earlier ballot of this proposer is nobody's any more.
    if (before === undefined || proposer.ballot?.round !== message.ballot.round) return;
    const own = valueOf(`value of ${proposer.me}`);
    const after =
      message.kind === 'prepared'
        ? onPrepareReply(before, this.#majority, message.from, message.reply, own)
        : onAcceptReply(before, this.#majority, message.from, message.reply);
    proposer.round = after;
    if (after.phase === before.phase) return;
    if (after.phase === 'accepting') {
      const { ballot, value } = after;
      for (const to of this.#acceptors.keys()) this.#network.push({ kind: 'accept', to, ballot, value });
    } else if (after.phase === 'chosen' || after.phase === 'learned') {
      const { value } = after;
      this.believed.add(textOf(value));
      for (const to of this.#acceptors.keys()) this.#network.push({ kind: 'decide', to, value });
    } else if (after.phase === 'lost') {
      proposer.lastRound = Math.max(proposer.lastRound, after.highestPromised?.round ?? 0);
    }
  }

  #acceptor(id: ReplicaId): AcceptorState {
    return this.#acceptors.get(id)!;
  }

  #advance(id: ReplicaId, state: AcceptorState): void {
    checkTransition(slot, this.#acceptor(id), state);
    this.#acceptors.set(id, state);
    if (state.phase === 'decided') this.believed.add(textOf(state.value));
  }

  #noteVote(id: ReplicaId, { round, replica }: Ballot, value: Uint8Array): void {
    const ballotAndValue = `${round}.${replica} ${textOf(value)}`;
    const voters = this.#votes.get(ballotAndValue) ?? new Set();
    this.#votes.set(ballotAndValue, voters.add(id));
    if (voters.size >= this.#majority) this.chosen.add(textOf(value));
  }
}
