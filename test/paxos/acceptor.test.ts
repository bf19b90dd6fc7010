import { expect } from 'chai';
import fc from 'fast-check';
import {
  behind,
  onAccept,
  onDecide,
  onPrepare,
  untouched,
  type AcceptorState,
} from '../../src/paxos/acceptor.js';
import type { Ballot } from '../../src/log/ballot.js';
import { checkTransition } from '../../src/paxos/invariants.js';
import type { AcceptReply, DecideReply, PaxosRecord, PrepareReply, Vote } from '../../src/paxos/messages.js';
import type { Step } from '../../src/storage/journal.js';
import { ballotOf, ballots, highest, isLower, valueOf } from '../support/paxos-values.js';

type Message =
  | { readonly kind: 'prepare'; readonly ballot: Ballot }
  | { readonly kind: 'accept'; readonly ballot: Ballot }
  | { readonly kind: 'decide' };
type Reply = PrepareReply | AcceptReply | DecideReply;

const slot = 5;
const decided = valueOf('decided');
/** A proposer sends one value under one ballot. */
const valueUnder = ({ round, replica }: Ballot): Uint8Array => valueOf(`value of ${round}.${replica}`);

const handle = (
  state: AcceptorState,
  message: Message,
): { readonly state: AcceptorState; readonly step: Step<PaxosRecord, Reply> } => {
  switch (message.kind) {
    case 'prepare':
      return onPrepare(state, { slot, ballot: message.ballot });
    case 'accept':
      return onAccept(state, { slot, ballot: message.ballot, value: valueUnder(message.ballot) });
    case 'decide':
      return onDecide(state, { slot, value: decided });
  }
};

/** Keeps every message that it granted and works each answer out from all of them. */
class NaiveAcceptor {
  readonly #promises: { readonly ballot: Ballot }[] = [];
  readonly #votes: Vote[] = [];
  #decided = false;

  answer(message: Message): Reply {
    if (message.kind === 'decide') {
      this.#decided = true;
      return { kind: 'decide-ok' };
    }
    if (this.#decided) return { kind: 'decided', value: decided };
    const { ballot } = message;
    const granted = highest([...this.#promises, ...this.#votes]);
    if (granted !== undefined && isLower(ballot, granted.ballot)) {
      return { kind: 'reject', highestPromised: granted.ballot };
    }
    if (message.kind === 'prepare') {
      this.#promises.push({ ballot });
      return { kind: 'promise', vote: highest(this.#votes) };
    }
    this.#votes.push({ ballot, value: valueUnder(ballot) });
    return { kind: 'accept-ok' };
  }
}

const messages: fc.Arbitrary<Message[]> = fc.array(
  fc.oneof(
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('prepare' as const), ballot: ballots }) },
    { weight: 10, arbitrary: fc.record({ kind: fc.constant('accept' as const), ballot: ballots }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'decide' as const }) },
  ),
  { maxLength: 30 },
);

/** What a restart would find. */
const replay = (records: readonly PaxosRecord[]): AcceptorState => {
  let state: AcceptorState = untouched;
  for (const record of records) {
    if (record.kind === 'decided') state = { phase: 'decided', value: record.value };
    else if (state.phase === 'decided') continue;
    else if (record.kind === 'promise') state = { ...state, promised: record.ballot };
    else if (record.kind === 'vote')
      state = { phase: 'open', promised: record.vote.ballot, vote: record.vote };
  }
  return state;
};

const replyOf = ({ atOnce, afterSync }: Step<PaxosRecord, Reply>): Reply => {
  expect([...atOnce, ...afterSync]).to.have.length(1);
  return [...atOnce, ...afterSync][0]!;
};

describe('the acceptor', () => {
  it('answers as one that keeps its whole history', () => {
    fc.assert(
      fc.property(messages, (sequence) => {
        const naive = new NaiveAcceptor();
        let state = untouched;
        for (const message of sequence) {
          const next = handle(state, message);
          expect(replyOf(next.step)).to.deep.equal(naive.answer(message));
          checkTransition(slot, state, next.state);
          state = next.state;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('writes down all that its answers rest on', () => {
    fc.assert(
      fc.property(messages, (sequence) => {
        const records: PaxosRecord[] = [];
        let state = untouched;
        for (const message of sequence) {
          const next = handle(state, message);
          records.push(...next.step.records);
          state = next.state;
          expect(replay(records)).to.deep.equal(state);
        }
      }),
    );
  });

  it('lets nothing but decisions out before the sync', () => {
    fc.assert(
      fc.property(messages, (sequence) => {
        let state = untouched;
        for (const message of sequence) {
          const next = handle(state, message);
          for (const { kind } of next.step.atOnce) expect(kind).to.be.oneOf(['decided', 'decide-ok']);
          for (const { kind } of next.step.afterSync) {
            expect(kind).to.be.oneOf(['promise', 'accept-ok', 'reject']);
          }
          state = next.state;
        }
      }),
    );
  });

  it('writes nothing down twice', () => {
    fc.assert(
      fc.property(messages, (sequence) => {
        const written = new Set<string>();
        let state = untouched;
        for (const message of sequence) {
          const next = handle(state, message);
          for (const record of next.step.records) {
            expect(written).to.not.include(JSON.stringify(record));
            written.add(JSON.stringify(record));
          }
          state = next.state;
        }
      }),
    );
  });

  it('does not change the state that it is given', () => {
    const before: AcceptorState = { phase: 'open', promised: ballotOf(1, 1), vote: undefined };
    for (const message of [
      { kind: 'prepare', ballot: ballotOf(2, 1) },
      { kind: 'accept', ballot: ballotOf(2, 1) },
      { kind: 'decide' },
    ] as const) {
      handle(before, message);
      expect(before).to.deep.equal({ phase: 'open', promised: ballotOf(1, 1), vote: undefined });
    }
  });

  it('answers a duplicate Prepare again with what holds now', () => {
    const ballot = ballotOf(3, 2);
    const vote: Vote = { ballot, value: valueUnder(ballot) };
    const { step } = onPrepare({ phase: 'open', promised: ballot, vote }, { slot, ballot });
    expect(step).to.deep.equal({ records: [], atOnce: [], afterSync: [{ kind: 'promise', vote }] });
  });

  it('tells a rejected proposer the highest ballot it has promised', () => {
    const promised = ballotOf(3, 2);
    const state: AcceptorState = { phase: 'open', promised, vote: undefined };
    const reject = { kind: 'reject', highestPromised: promised };
    for (const ballot of [ballotOf(2, 3), ballotOf(3, 1)]) {
      expect(replyOf(handle(state, { kind: 'prepare', ballot }).step)).to.deep.equal(reject);
      expect(replyOf(handle(state, { kind: 'accept', ballot }).step)).to.deep.equal(reject);
    }
  });

  it('accepts a ballot above the one it promised, and promises it thereby', () => {
    const state: AcceptorState = { phase: 'open', promised: ballotOf(1, 1), vote: undefined };
    const ballot = ballotOf(2, 1);
    expect(onAccept(state, { slot, ballot, value: decided }).state).to.deep.equal({
      phase: 'open',
      promised: ballot,
      vote: { ballot, value: decided },
    });
  });

  it('names its floor to whoever asks below it', () => {
    expect(behind(7)).to.deep.equal({ kind: 'behind', floor: 7 });
  });
});
