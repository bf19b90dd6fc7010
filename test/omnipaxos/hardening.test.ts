import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import type { Message } from '../../src/omnipaxos/messages.js';
import { seededRandom } from '../../src/runtime/random.js';
import {
  acceptDecideOf,
  acceptSyncOf,
  OmnipaxosMachine,
  prepareOf,
  promiseTo,
} from '../support/omnipaxos-machine.js';
import { OmnipaxosWorld } from '../support/omnipaxos-world.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const [low, high] = [ballotOf(1, 1), ballotOf(2, 3)];
const newest = ballotOf(9, 3);
const accepted = (acceptedEnd: number, ballot = low): Message => ({ kind: 'accepted', ballot, acceptedEnd });
const refusal = (promised = newest): Message => ({ kind: 'not-accepted', promised });
const lastPrepareTo = (machine: OmnipaxosMachine, peer: number) => {
  const prepare = machine.sent(peer, 'prepare').at(-1);
  if (prepare === undefined) throw new Error(`no Prepare was sent to ${peer}`);
  return prepare;
};

describe('a follower of OmniPaxos that is prepared again', () => {
  let follower: OmnipaxosMachine;

  beforeEach(() => {
    follower = new OmnipaxosMachine({ me: 2 }).follow(low, ['a']);
    follower.receive(1, acceptDecideOf(low, 1, 1, 1, ['b', 'c']));
    follower.receive(1, prepareOf(low, 2));
    follower.discard();
    follower.records.length = 0;
  });

  it('takes no AcceptSync of an earlier sync, and keeps what it has acknowledged', () => {
    follower.receive(1, acceptSyncOf(low, 1, 0, ['a']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c']);
    expect(follower.records).to.deep.equal([]);
    expect(follower.sent()).to.deep.equal([]);
    follower.receive(1, acceptSyncOf(low, 2, 3, ['d']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(follower.sent(1)).to.deep.equal([accepted(4)]);
  });

  it('takes no AcceptSync before it has heard Prepare, nor one of a lower ballot after it', () => {
    const fresh = new OmnipaxosMachine({ me: 2 }).connect(1, 3);
    fresh.receive(1, acceptSyncOf(low, 1, 0, ['a']));
    expect(fresh.texts).to.deep.equal([]);
    follower.connect(3).receive(3, prepareOf(high, 1));
    follower.discard();
    follower.receive(1, acceptSyncOf(low, 2, 0, ['a']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c']);
    expect(follower.sent(1)).to.deep.equal([{ kind: 'not-accepted', promised: high }]);
  });

  it('takes an AcceptSync once, and nothing more of it when it is in step', () => {
    follower.receive(1, acceptSyncOf(low, 2, 3, ['d']));
    follower.receive(1, acceptDecideOf(low, 2, 1, 4, ['e']));
    follower.discard();
    follower.receive(1, acceptSyncOf(low, 2, 3, ['d']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c', 'd', 'e']);
    expect([follower.sent(), follower.replica.phase.kind]).to.deep.equal([[], 'following']);
  });

  it('puts no pages of two syncs together', () => {
    follower.receive(1, acceptSyncOf(low, 2, 3, ['d'], { last: false }));
    follower.receive(1, prepareOf(low, 3));
    follower.discard();
    follower.receive(1, acceptSyncOf(low, 2, 4, ['e'], { page: 1 }));
    expect(follower.sent()).to.deep.equal([]);
    follower.receive(1, acceptSyncOf(low, 3, 3, ['x'], { last: false }));
    follower.receive(1, acceptSyncOf(low, 3, 3, ['x'], { last: false }));
    follower.receive(1, acceptSyncOf(low, 3, 4, ['y'], { page: 1 }));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c', 'x', 'y']);
  });

  it('drops nothing on an AcceptSync under the ballot that its log is accepted under', () => {
    follower.receive(1, acceptSyncOf(low, 2, 0, ['a']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c']);
    expect(follower.sent(1)).to.deep.equal([accepted(3)]);
  });

  it('takes no AcceptDecide until it is in step again, and none of another sync then', () => {
    follower.receive(1, acceptDecideOf(low, 1, 2, 3, ['d']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c']);
    follower.receive(1, acceptSyncOf(low, 2, 3, []));
    follower.discard();
    follower.receive(1, acceptDecideOf(low, 1, 1, 3, ['d']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c']);
    expect(follower.sent()).to.deep.equal([]);
    follower.receive(1, acceptDecideOf(low, 2, 1, 3, ['e']));
    expect(follower.texts).to.deep.equal(['a', 'b', 'c', 'e']);
  });

  it('notices that its session has changed: what was sent on the last one may be lost', () => {
    for (const change of ['begins', 'ends'] as const) {
      const machine = new OmnipaxosMachine({ me: 2 }).follow(low, ['a']);
      if (change === 'begins') machine.connect(1);
      else machine.disconnect(1);
      machine.discard();
      machine.receive(1, acceptDecideOf(low, 1, 1, 1, ['b']));
      expect(machine.replica.phase.kind, `a session ${change}`).to.equal('recovering');
      expect(machine.texts).to.deep.equal(['a']);
      machine.connect(1);
      for (let ticks = 0; ticks < 5; ticks += 1) machine.tick();
      expect(machine.sent(1, 'prepare-request')).to.deep.equal([{ kind: 'prepare-request', promised: low }]);
    }
  });

  it('takes no harm from the session of another that is not its leader', () => {
    const machine = new OmnipaxosMachine({ me: 2 }).follow(low, ['a']);
    machine.connect(3).disconnect(3);
    expect(machine.replica.phase.kind).to.equal('following');
  });
});

describe('a leader of OmniPaxos that hears things late', () => {
  it('lets no late or smaller Accepted lower what it knows of a follower', () => {
    const leader = new OmnipaxosMachine();
    const ballot = leader.elect();
    leader.holdsSyncs = true;
    leader.propose('a', 'b', 'c');
    leader.receive(2, accepted(3, ballot));
    leader.receive(2, accepted(1, ballot));
    expect(leader.replica.log.decidedEnd).to.equal(0);
    leader.receive(3, accepted(2, ballot));
    expect(leader.replica.log.decidedEnd, 'replicas 2 and 3').to.equal(2);
    leader.receive(3, accepted(1, ballot));
    leader.receive(2, accepted(0, ballot));
    expect(leader.replica.log.decidedEnd).to.equal(2);
    leader.sync();
    expect(leader.replica.log.decidedEnd, 'and itself').to.equal(3);
  });

  it('counts no Accepted of another ballot', () => {
    const leader = new OmnipaxosMachine();
    const ballot = leader.elect();
    leader.propose('a');
    leader.receive(2, accepted(1, { ...ballot, round: ballot.round - 1 }));
    leader.receive(3, accepted(1, ballotOf(ballot.round, 3)));
    expect(leader.replica.log.decidedEnd).to.equal(0);
    leader.receive(2, accepted(1, ballot));
    expect(leader.replica.log.decidedEnd).to.equal(1);
  });

  it('lets no smaller decided end lower the one that a follower or it knows', () => {
    const follower = new OmnipaxosMachine({ me: 2 }).follow(low, ['a', 'b', 'c'], 2);
    follower.receive(1, acceptDecideOf(low, 1, 1, 3, ['d'], 1));
    expect(follower.replica.log.decidedEnd).to.equal(2);
    follower.receive(1, prepareOf(low, 2));
    follower.receive(1, acceptSyncOf(low, 2, 4, [], { decidedEnd: 0 }));
    expect(follower.replica.log.decidedEnd).to.equal(2);
    const held = { values: ['a', 'b'].map(valueOf), decidedEnd: 2, accepted: low, promised: low };
    const leader = new OmnipaxosMachine({ log: held });
    leader.elect({ decidedEnd: 0 });
    expect(leader.replica.log.decidedEnd).to.equal(2);
  });

  it('brings a follower in step once for a promise that comes twice', () => {
    const leader = new OmnipaxosMachine().connect(2, 3);
    leader.round({ 2: {}, 3: {} });
    const promise = promiseTo(lastPrepareTo(leader, 2));
    leader.receive(2, promise);
    leader.receive(2, promise);
    expect(leader.sent(2, 'accept-sync')).to.have.length(1);
    leader.discard().propose('a');
    leader.receive(2, promise);
    expect(leader.sent(2).map(({ kind }) => kind)).to.deep.equal(['accept-decide']);
  });

  it('counts a promise that comes twice once', () => {
    const leader = new OmnipaxosMachine({ members: [1, 2, 3, 4, 5] }).connect(2, 3, 4, 5);
    leader.round({ 2: {}, 3: {}, 4: {}, 5: {} });
    const promise = promiseTo(lastPrepareTo(leader, 2));
    leader.receive(2, promise);
    leader.receive(2, promise);
    expect(leader.replica.phase.kind).to.equal('preparing');
    leader.receive(3, promiseTo(lastPrepareTo(leader, 3)));
    expect(leader.replica.phase.kind).to.equal('leading');
  });

  it('takes no promise to an earlier Prepare', () => {
    const leader = new OmnipaxosMachine().connect(2, 3);
    leader.round({ 2: {}, 3: {} });
    const earlier = lastPrepareTo(leader, 2);
    leader.connect(2);
    leader.receive(2, promiseTo(earlier));
    expect(leader.replica.phase.kind).to.equal('preparing');
    leader.receive(2, promiseTo(lastPrepareTo(leader, 2)));
    expect(leader.replica.phase.kind).to.equal('leading');
  });

  it('sends a follower whose log is accepted under its own ballot only what that lacks', () => {
    const leader = new OmnipaxosMachine();
    const ballot = leader.elect();
    leader.propose('a', 'b', 'c');
    leader.connect(2);
    const prepare = lastPrepareTo(leader, 2);
    leader.discard();
    leader.receive(2, promiseTo(prepare, { accepted: ballot, acceptedEnd: 2, decidedEnd: 0 }));
    const [sync] = leader.sent(2, 'accept-sync');
    expect(sync).to.deep.include({ first: 2, values: [valueOf('c')], last: true });
  });
});

describe('replicas of OmniPaxos with sparse ids', () => {
  it('elect, decide and say who leads', () => {
    const [two, forty, last] = [2, 40, 700].map(
      (me) => new OmnipaxosMachine({ me, members: [2, 40, 700] }),
    ) as [OmnipaxosMachine, OmnipaxosMachine, OmnipaxosMachine];
    const ballot = forty.elect();
    expect(ballot).to.deep.equal(ballotOf(1, 40));
    forty.propose('a');
    forty.discard();
    forty.receive(700, accepted(1, ballot));
    expect(forty.replica.log.decidedEnd).to.equal(1);
    for (const follower of [two, last]) {
      follower.follow(ballot, ['a'], 1);
      expect(follower.replica.leadership).to.deep.equal({ kind: 'following', leader: 40 });
      expect(follower.replica.log.decidedEnd).to.equal(1);
      follower.replica.forgetBelow(1);
      expect(follower.replica.log.floor).to.equal(1);
    }
  });
});

describe('a leader of OmniPaxos that is deposed', () => {
  const deposed = (members: readonly number[], refusers: readonly number[]): OmnipaxosMachine => {
    const leader = new OmnipaxosMachine({ members });
    leader.elect();
    for (const refuser of refusers) leader.receive(refuser, refusal());
    return leader;
  };

  it('leads on while a majority can be with it', () => {
    const leader = deposed([1, 2, 3, 4, 5], [2, 3]);
    expect(leader.replica.leadership.kind).to.equal('leading');
    leader.receive(3, refusal());
    expect(leader.replica.leadership.kind, 'the same one again').to.equal('leading');
    leader.receive(4, refusal());
    expect(leader.replica.leadership.kind).to.equal('following');
  });

  it('proposes nothing any more and says who refused it for whom, though it cannot see its successor', () => {
    const leader = deposed([1, 2, 3], [2, 3]);
    expect(leader.replica.leadership).to.deep.equal({ kind: 'following', leader: 3 });
    leader.discard();
    expect(thrown(() => leader.propose('a'), RangeError).message).to.include('recovering');
    expect(thrown(() => leader.perform(leader.replica.confirm(1)), RangeError).message).to.include('confirm');
    leader.tick();
    const kinds = new Set(leader.sent().map(({ kind }) => kind));
    expect([...kinds]).to.not.include.members(['prepare', 'accept-decide', 'confirm']);
  });

  it('counts nothing that comes for the ballot it led with', () => {
    const leader = new OmnipaxosMachine();
    const ballot = leader.elect();
    leader.propose('a');
    for (const refuser of [2, 3]) leader.receive(refuser, refusal());
    leader.receive(2, accepted(1, ballot));
    expect(leader.replica.log.decidedEnd).to.equal(0);
  });

  it('takes no refusal for a ballot below its own', () => {
    const leader = new OmnipaxosMachine({ log: { promised: ballotOf(4, 1) } });
    leader.elect();
    for (const refuser of [2, 3]) leader.receive(refuser, refusal(ballotOf(4, 3)));
    expect(leader.replica.leadership.kind).to.equal('leading');
  });

  it('stays quiet while one of those who refused it hears a leader, and claims above their promise when none does', () => {
    const leader = deposed([1, 2, 3], [2, 3]);
    const ballot = ballotOf(1, 1);
    for (const heartbeats of [
      { 2: { led: true }, 3: { led: true } },
      { 2: { led: true }, 3: { led: false } },
      { 2: { led: false }, 3: { led: true } },
    ]) {
      leader.round(heartbeats);
      expect(leader.replica.log.promised).to.deep.equal(ballot);
    }
    leader.round({ 2: { led: false }, 3: { led: false } });
    expect(leader.replica.log.promised, 'above what it was refused for').to.deep.equal(
      ballotOf(newest.round + 1, 1),
    );
    expect(leader.replica.leadership.kind).to.equal('preparing');
  });

  it('leads again around itself when the one who deposed it has died unseen', () => {
    const [one, two] = [replicaId(1), replicaId(2)];
    for (let seed = 1; seed <= 20; seed += 1) {
      const world = new OmnipaxosWorld({
        replicaCount: 5,
        random: seededRandom(seed),
        electionTimeoutMs: 100,
        delayMs: [0.1, 1],
        syncMs: [0.1, 1],
        firstTickMs: (id) => (id === one ? 10 : 100 + 10 * id + seed),
      });
      world.start();
      world.run(250);
      expect(world.leads(one), `seed ${seed}: replica 1 leads at first`).to.equal(true);
      // Replica 2 alone misses the leader; the others promise it a ballot and refuse replica 1, which does not hear it.
      world.cut(one, two, false);
      expect(
        world.runUntil(() => world.leads(two), 300),
        `seed ${seed}: replica 2 takes over`,
      ).to.equal(true);
      world.propose(one, 'refused');
      world.run(20);
      expect(world.replica(one).phase.kind, `seed ${seed}`).to.equal('recovering');
      world.crash(two);
      world.shape(
        [3, 4, 5].map((other) => [one, replicaId(other)] as const),
        false,
      );
      expect(
        world.runUntil(() => world.leads(one), 500),
        `seed ${seed}: it leads again`,
      ).to.equal(true);
      world.propose(one, 'after');
      expect(
        world.runUntil(() => world.agreed.includes('after'), 100),
        `seed ${seed}: and commits`,
      ).to.equal(true);
    }
  });

  it('says nobody leads here when it hears no majority, and offers itself to nobody', () => {
    const leader = new OmnipaxosMachine();
    leader.elect();
    leader.round({ 2: {} });
    expect(leader.replica.leadership.kind).to.equal('leading');
    leader.round({});
    expect(leader.replica.leadership).to.deep.equal({ kind: 'following', leader: undefined });
    leader.discard();
    leader.receive(2, { kind: 'heartbeat-request', round: 7, sent: undefined });
    expect(leader.sent(2, 'heartbeat')).to.deep.equal([
      { kind: 'heartbeat', round: 7, ballot: ballotOf(1, 1), candidate: false, led: false },
    ]);
    leader.round({ 3: {} });
    expect(leader.replica.leadership.kind, 'it has promised no other').to.equal('leading');
  });
});

describe('a replica of OmniPaxos that is alone', () => {
  it('leads, decides, and goes on after a restart under a higher ballot', () => {
    const first = new OmnipaxosMachine({ members: [1] });
    first.tick();
    expect(first.replica.leadership).to.deep.equal({ kind: 'leading', ballot: ballotOf(1, 1) });
    first.propose('a', 'b');
    expect(first.replica.log.decidedEnd).to.equal(2);
    const { promised, accepted: under } = first.replica.log;
    const values = first.texts.map(valueOf);
    const second = new OmnipaxosMachine({ members: [1], log: { promised, accepted: under, values } });
    expect(second.replica.leadership.kind).to.equal('following');
    second.tick();
    expect(second.replica.leadership).to.deep.equal({ kind: 'leading', ballot: ballotOf(2, 1) });
    expect(second.replica.log.decidedEnd, 'its own log is all there is').to.equal(2);
  });

  it('takes no proposal while it does not lead: nothing is forwarded, so nothing is decided twice', () => {
    const follower = new OmnipaxosMachine({ me: 2 }).follow(low, ['a']);
    follower.discard();
    expect(thrown(() => follower.propose('b'), RangeError).message).to.include('following');
    expect(follower.sent()).to.deep.equal([]);
  });
});

describe('a replica of OmniPaxos whose disk was full for a while', () => {
  for (const members of [[1], [1, 2, 3]]) {
    it(`leads once there is space, if it was full just when a majority had promised: ${members.length} members`, () => {
      const machine = new OmnipaxosMachine({ members }).connect(...members.slice(1));
      machine.holdsSyncs = true;
      machine.round(Object.fromEntries(members.slice(1).map((peer) => [peer, {}])));
      machine.hasSpace = false;
      machine.sync();
      for (const peer of members.slice(1)) machine.receive(peer, promiseTo(lastPrepareTo(machine, peer)));
      expect(machine.replica.phase.kind).to.equal('preparing');
      machine.hasSpace = true;
      machine.holdsSyncs = false;
      machine.round(Object.fromEntries(members.slice(1).map((peer) => [peer, {}])));
      expect(machine.replica.phase.kind).to.equal('leading');
    });
  }
});
