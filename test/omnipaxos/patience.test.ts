import { expect } from 'chai';
import { OmnipaxosMachine, prepareOf, promiseTo } from '../support/omnipaxos-machine.js';

/** Ticks at which replica 2 is asked again, of those that pass; replica 3 answers heartbeats. */
function asked(leader: OmnipaxosMachine, ticks: number): number[] {
  const at: number[] = [];
  for (let tick = 1; tick <= ticks; tick += 1) {
    leader.round({ 2: {}, 3: {} });
    if (leader.sent(2, 'prepare').length > 0) at.push(tick);
  }
  return at;
}

describe('the patience of a leader of OmniPaxos', () => {
  let leader: OmnipaxosMachine;

  beforeEach(() => {
    leader = new OmnipaxosMachine();
    leader.elect();
    leader.discard();
  });

  const decideBy = (peer: number, acceptedEnd: number) => {
    const { phase } = leader.replica;
    if (phase.kind !== 'leading') throw new Error(`it is ${phase.kind}`);
    leader.receive(peer, { kind: 'accepted', ballot: phase.ballot, acceptedEnd });
  };

  it('is short for the first answer, doubles to sixteen ticks, and never ends', () => {
    leader.propose('a');
    decideBy(3, 1);
    expect(asked(leader, 62)).to.deep.equal([2, 6, 14, 30, 46, 62]);
  });

  it('begins anew with what is proposed next, and is short again once there was an answer', () => {
    leader.propose('a');
    decideBy(3, 1);
    leader.round({ 2: {}, 3: {} });
    leader.propose('b');
    expect(asked(leader, 2), 'as long as before, from now on').to.deep.equal([2]);
    expect(asked(leader, 2)).to.deep.equal([]);
    const { phase } = leader.replica;
    if (phase.kind !== 'leading') throw new Error(`it is ${phase.kind}`);
    const follower = phase.followers.get(leader.peers[0]!);
    if (follower?.kind !== 'asked') throw new Error(`the follower is ${follower?.kind}`);
    const { sync } = follower;
    const prepare = {
      kind: 'prepare',
      ballot: phase.ballot,
      sync,
      accepted: undefined,
      acceptedEnd: 0,
    } as const;
    leader.receive(2, promiseTo({ ...prepare, decidedEnd: 0 }));
    expect(
      asked(leader, 4),
      'a promise is an answer, and what follows it is waited for as long',
    ).to.deep.equal([4]);
    leader.receive(2, { kind: 'prepare-request', promised: phase.ballot });
    leader.discard();
    expect(asked(leader, 2), 'it has asked by itself').to.deep.equal([2]);
  });

  it('is short again once the follower has accepted', () => {
    leader.propose('a');
    decideBy(3, 1);
    expect(asked(leader, 6)).to.deep.equal([2, 6]);
    const follower = new OmnipaxosMachine({ me: 2 }).connect(1);
    const { phase } = leader.replica;
    if (phase.kind !== 'leading') throw new Error(`it is ${phase.kind}`);
    const answered = phase.followers.get(leader.peers[0]!);
    if (answered?.kind !== 'asked') throw new Error(`the follower is ${answered?.kind}`);
    follower.receive(1, prepareOf(phase.ballot, answered.sync, { acceptedEnd: 1, decidedEnd: 1 }));
    const [promise] = follower.sent(1, 'promise');
    leader.receive(2, promise!);
    for (const sync of leader.sent(2, 'accept-sync')) follower.receive(1, sync);
    for (const accepted of follower.sent(1, 'accepted')) leader.receive(2, accepted);
    leader.propose('b');
    decideBy(3, 2);
    expect(asked(leader, 2)).to.deep.equal([2]);
  });

  it('lasts through rounds in which answers come, and no heartbeats', () => {
    for (const acceptedEnd of [1, 2, 3]) {
      leader.propose('a');
      decideBy(2, acceptedEnd);
      leader.round({});
      expect(leader.replica.leadership.kind).to.equal('leading');
    }
    leader.round({});
    expect(leader.replica.leadership.kind).to.equal('following');
  });

  it('does not end while nothing is waited for', () => {
    leader.propose('a');
    for (const peer of [2, 3]) decideBy(peer, 1);
    expect(asked(leader, 10)).to.deep.equal([]);
    leader.propose('b');
    decideBy(2, 2);
    expect(asked(leader, 10)).to.deep.equal([]);
  });
});
