import { expect } from 'chai';
import fc from 'fast-check';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { AcceptReply, PrepareReply, Refused, Vote } from '../../src/paxos/messages.js';
import { beginRound, onAcceptReply, onPrepareReply, type Round } from '../../src/paxos/round.js';
import { ballotOf, ballots, highest, replicas, textOf, valueOf } from '../support/paxos-values.js';

const ballot = ballotOf(9, 1);
const own = valueOf('own');
const majority = 3;

const ids = fc.constantFrom(...replicas(5));
const values = fc.constantFrom('a', 'b', 'c').map(valueOf);
/** One value for each ballot, as every proposer keeps to. */
const votes: fc.Arbitrary<Vote> = ballots.map((under) => ({
  ballot: under,
  value: valueOf(`value of ${under.round}.${under.replica}`),
}));
const refusals = fc.oneof(
  ballots.map((highestPromised) => ({ kind: 'reject' as const, highestPromised })),
  values.map((value) => ({ kind: 'decided' as const, value })),
  fc.nat(9).map((floor) => ({ kind: 'behind' as const, floor })),
);
const noAnswers = fc.constantFrom(
  { kind: 'refused' as const, reason: 'no-space' as const },
  { kind: 'refused' as const, reason: 'not-voting' as const },
);
const promises = fc
  .option(votes, { nil: undefined })
  .map((vote): PrepareReply => ({ kind: 'promise', vote }));
const mostly = <Reply>(often: fc.Arbitrary<Reply>, rarely: fc.Arbitrary<Reply>) =>
  fc.array(
    fc.tuple(
      ids,
      fc.oneof<fc.MaybeWeightedArbitrary<Reply | Refused>[]>(
        { weight: 12, arbitrary: often },
        { weight: 1, arbitrary: rarely },
        { weight: 3, arbitrary: noAnswers },
      ),
    ),
    { maxLength: 12 },
  );
const prepareReplies = mostly<PrepareReply>(promises, refusals);
const acceptReplies = mostly<AcceptReply>(fc.constant({ kind: 'accept-ok' }), refusals);

const end = (
  from: ReplicaId,
  reply: Exclude<PrepareReply | AcceptReply, { kind: 'promise' | 'accept-ok' | 'refused' }>,
): Round => {
  switch (reply.kind) {
    case 'reject':
      return { phase: 'lost', highestPromised: reply.highestPromised };
    case 'decided':
      return { phase: 'learned', value: reply.value };
    case 'behind':
      return { phase: 'behind', from, floor: reply.floor };
  }
};

const voteIn = (reply: PrepareReply): Vote[] =>
  reply.kind === 'promise' && reply.vote !== undefined ? [reply.vote] : [];

/** Looks at all the answers again for each prefix of them, and stops at the first that settles the phase. */
const naivePrepare = (all: readonly (readonly [ReplicaId, PrepareReply])[]): Round => {
  const replies = all.filter(([, { kind }]) => kind !== 'refused');
  for (let length = 1; length <= replies.length; length += 1) {
    const [from, last] = replies[length - 1]!;
    if (last.kind === 'refused') continue;
    if (last.kind !== 'promise') return end(from, last);
    const prefix = replies.slice(0, length);
    if (new Set(prefix.map(([from]) => from)).size < majority) continue;
    const cast = prefix.flatMap(([, reply]) => voteIn(reply));
    return { phase: 'accepting', ballot, value: highest(cast)?.value ?? own, accepted: new Set() };
  }
  const cast = replies.flatMap(([, reply]) => voteIn(reply));
  return {
    phase: 'preparing',
    ballot,
    promised: new Set(replies.map(([from]) => from)),
    best: highest(cast),
  };
};

const naiveAccept = (all: readonly (readonly [ReplicaId, AcceptReply])[]): Round => {
  const replies = all.filter(([, { kind }]) => kind !== 'refused');
  for (let length = 1; length <= replies.length; length += 1) {
    const [from, last] = replies[length - 1]!;
    if (last.kind === 'refused') continue;
    if (last.kind !== 'accept-ok') return end(from, last);
    const voters = new Set(replies.slice(0, length).map(([from]) => from));
    if (voters.size >= majority) return { phase: 'chosen', value: own };
  }
  return { phase: 'accepting', ballot, value: own, accepted: new Set(replies.map(([from]) => from)) };
};

const accepting = (): Round => ({ phase: 'accepting', ballot, value: own, accepted: new Set() });

describe('a round', () => {
  it('gathers promises as one that looks at all answers anew', () => {
    fc.assert(
      fc.property(prepareReplies, (replies) => {
        const round = replies.reduce(
          (before, [from, reply]) => onPrepareReply(before, majority, from, reply, own),
          beginRound(ballot),
        );
        expect(round).to.deep.equal(naivePrepare(replies));
      }),
      { numRuns: 1000 },
    );
  });

  it('gathers votes as one that looks at all answers anew', () => {
    fc.assert(
      fc.property(acceptReplies, (replies) => {
        const round = replies.reduce(
          (before, [from, reply]) => onAcceptReply(before, majority, from, reply),
          accepting(),
        );
        expect(round).to.deep.equal(naiveAccept(replies));
      }),
      { numRuns: 1000 },
    );
  });

  it('counts no acceptor twice', () => {
    const two = replicaId(2);
    let round = beginRound(ballot);
    for (let count = 0; count < 5; count += 1) {
      round = onPrepareReply(round, 2, two, { kind: 'promise', vote: undefined }, own);
    }
    expect(round.phase).to.equal('preparing');
    let votesOfOne = accepting();
    for (let count = 0; count < 5; count += 1) {
      votesOfOne = onAcceptReply(votesOfOne, 2, two, { kind: 'accept-ok' });
    }
    expect(votesOfOne.phase).to.equal('accepting');
  });

  it('takes the value of the highest vote, not of the last or the most frequent', () => {
    const [one, two, three] = replicas(3);
    const low: Vote = { ballot: ballotOf(1, 1), value: valueOf('low') };
    const high: Vote = { ballot: ballotOf(2, 1), value: valueOf('high') };
    let round = beginRound(ballot);
    round = onPrepareReply(round, majority, one!, { kind: 'promise', vote: low }, own);
    round = onPrepareReply(round, majority, two!, { kind: 'promise', vote: high }, own);
    round = onPrepareReply(round, majority, three!, { kind: 'promise', vote: low }, own);
    expect(round.phase === 'accepting' && textOf(round.value)).to.equal('high');
  });

  it('takes no answer in that belongs to another phase', () => {
    const preparing = beginRound(ballot);
    const two = replicaId(2);
    expect(onAcceptReply(preparing, 1, two, { kind: 'accept-ok' })).to.equal(preparing);
    const voting = accepting();
    expect(onPrepareReply(voting, 1, two, { kind: 'promise', vote: undefined }, own)).to.equal(voting);
    const chosen: Round = { phase: 'chosen', value: own };
    const late = { kind: 'reject', highestPromised: ballotOf(99, 2) } as const;
    expect(onAcceptReply(chosen, 1, two, late)).to.equal(chosen);
    expect(onPrepareReply(chosen, 1, two, late, own)).to.equal(chosen);
  });
});
