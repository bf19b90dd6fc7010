import { expect } from 'chai';
import type { AcceptorState } from '../../src/paxos/acceptor.js';
import type { Ballot } from '../../src/log/ballot.js';
import { InvariantViolation } from '../../src/log/invariant-violation.js';
import { checkDecision, checkFloor, checkFreshBallot, checkTransition } from '../../src/paxos/invariants.js';
import type { Vote } from '../../src/paxos/messages.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const open = (promised?: Ballot, vote?: Vote): AcceptorState => ({ phase: 'open', promised, vote });
const decided = (text: string): AcceptorState => ({ phase: 'decided', value: valueOf(text) });
const voteFor = (ballot: Ballot): Vote => ({ ballot, value: valueOf('value') });

const low = ballotOf(1, 2);
const high = ballotOf(2, 1);

describe('the invariants of one acceptor', () => {
  const broken = (before: AcceptorState, after: AcceptorState): string =>
    thrown(() => checkTransition(4, before, after), InvariantViolation).message;
  const kept = (before: AcceptorState, after: AcceptorState) =>
    expect(() => checkTransition(4, before, after)).to.not.throw();

  it('stop a slot that was decided and changes', () => {
    expect(broken(decided('one'), decided('two'))).to.include('slot 4 was decided and changed');
    expect(broken(decided('one'), decided('one more'))).to.include('changed');
    expect(broken(decided('one'), open(high))).to.include('changed');
    kept(decided('one'), decided('one'));
  });

  it('stop a promise that falls', () => {
    expect(broken(open(high), open(low))).to.include('promised 2.1 and then 1.2');
    expect(broken(open(low), open())).to.include('promised 1.2');
    expect(broken(open(ballotOf(1, 2)), open(ballotOf(1, 1)))).to.include('promised');
    kept(open(low), open(high));
    kept(open(low), open(low));
    kept(open(), open(low));
  });

  it('stop a vote that is taken back', () => {
    expect(broken(open(high, voteFor(high)), open(high, voteFor(low)))).to.include('took its vote back');
    expect(broken(open(low, voteFor(low)), open(low))).to.include('took its vote back');
    kept(open(low, voteFor(low)), open(high, voteFor(high)));
    kept(open(low, voteFor(low)), open(high, voteFor(low)));
  });

  it('stop a vote above the promise', () => {
    expect(broken(open(), open(low, voteFor(high)))).to.include('voted above its promise');
    expect(broken(open(), open(undefined, voteFor(low)))).to.include('voted above its promise');
  });

  it('let any open slot be decided', () => {
    kept(open(), decided('one'));
    kept(open(high, voteFor(high)), decided('another'));
  });
});

describe('the other invariants', () => {
  it('stop a second decision', () => {
    thrown(() => checkDecision(4, valueOf('one'), valueOf('two')), InvariantViolation);
    thrown(() => checkDecision(4, valueOf('one'), valueOf('on')), InvariantViolation);
    expect(() => checkDecision(4, valueOf('one'), valueOf('one'))).to.not.throw();
  });

  it('stop a ballot that is used again or falls', () => {
    thrown(() => checkFreshBallot(4, low, low), InvariantViolation);
    thrown(() => checkFreshBallot(4, high, low), InvariantViolation);
    expect(() => checkFreshBallot(4, low, high)).to.not.throw();
    expect(() => checkFreshBallot(4, undefined, low)).to.not.throw();
  });

  it('stop a floor that falls or passes min', () => {
    thrown(() => checkFloor(5, 4, 9, 9), InvariantViolation);
    thrown(() => checkFloor(5, 10, 9, 0), InvariantViolation);
    expect(() => checkFloor(5, 9, 9, 0)).to.not.throw();
    expect(() => checkFloor(5, 5, 9, 0)).to.not.throw();
  });

  it('let the floor pass min as far as the application has given up, and no further', () => {
    expect(() => checkFloor(5, 12, 9, 12)).to.not.throw();
    thrown(() => checkFloor(5, 13, 9, 12), InvariantViolation);
  });
});
