import { expect } from 'chai';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import type { PaxosPeer } from '../../src/paxos/peer.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { agreeToAll, decidedText, fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';
import { rejection } from '../support/rejection.js';
import { doneEntry } from '../support/rosters.js';

const own = valueOf('own');

describe('the floor of a Paxos peer', () => {
  let journal: HeldJournal<PaxosRecord>;
  let world: PeerWorld;
  let peer: PaxosPeer;
  const traced: string[] = [];

  beforeEach(async () => {
    traced.splice(0);
    journal = new HeldJournal();
    world = peerWorld(journal, { trace: (event) => traced.push(event) });
    ({ peer } = world);
    for (const slot of [0, 1, 2, 3]) await peer.handleDecide(fromTwo({ slot, value: own }));
    await synced();
    journal.appended.splice(0);
  });

  const synced = async () => {
    journal.sync();
    await turns();
  };
  const prepare = async (slot: number) => {
    const reply = peer.handlePrepare(fromTwo({ slot, ballot: ballotOf(9, 2) }));
    journal.sync();
    return (await reply).body;
  };
  const allDone = async (through: number) => {
    peer.done(through);
    await peer.handleLearn(
      fromTwo({ firstSlot: 0, lastSlot: 0 }, [doneEntry(2, through), doneEntry(3, through)]),
    );
  };

  it('is on disk before anything below it goes, when min rises', async () => {
    await allDone(1);
    expect(journal.appended).to.have.length(1);
    expect(journal.appended[0]).to.deep.include({ records: [{ kind: 'floor', floor: 2 }], lazy: true });
    expect([peer.floor, peer.heldInstances]).to.deep.equal([0, 4]);
    const { body } = await peer.handlePrepare(fromTwo({ slot: 1, ballot: ballotOf(9, 2) }));
    expect(body, 'what the acceptor still holds').to.deep.equal({ kind: 'decided', value: own });
    await synced();
    expect([peer.floor, peer.heldInstances]).to.deep.equal([2, 2]);
    expect(await prepare(1)).to.deep.equal({ kind: 'behind', floor: 2 });
    expect(traced.slice(-3)).to.deep.equal(['floor-synced', 'forgotten', 'prepare-received']);
  });

  it('is told at once to whoever asks for status, and nothing is started below', async () => {
    await allDone(6);
    expect(peer.floor).to.equal(0);
    expect(peer.status(3)).to.deep.equal({ kind: 'forgotten' });
    expect(peer.status(6)).to.deep.equal({ kind: 'forgotten' });
    expect(peer.status(7)).to.deep.equal({ kind: 'pending' });
    const { length } = journal.records;
    peer.start(6, own);
    await turns();
    expect(journal.records).to.have.length(length);
    expect(peer.max()).to.equal(3);
  });

  it('has one record in flight, and then one for all the rises meanwhile', async () => {
    for (const through of [0, 1, 2]) await allDone(through);
    expect(journal.records).to.deep.equal([{ kind: 'floor', floor: 1 }]);
    await synced();
    expect(journal.records).to.deep.equal([
      { kind: 'floor', floor: 1 },
      { kind: 'floor', floor: 3 },
    ]);
    expect(peer.floor).to.equal(1);
    await synced();
    expect(peer.floor).to.equal(3);
  });

  it('rises by a cut past what others are done with', async () => {
    let isCut = false;
    const cut = peer.cut(2).then(() => (isCut = true));
    await turns();
    expect([isCut, peer.floor, peer.heldInstances]).to.deep.equal([false, 0, 4]);
    expect(journal.appended[0]).to.deep.include({ records: [{ kind: 'floor', floor: 3 }], lazy: false });
    journal.sync();
    await cut;
    expect([peer.floor, peer.min(), peer.heldInstances]).to.deep.equal([3, 0, 1]);
    expect(await prepare(2)).to.deep.equal({ kind: 'behind', floor: 3 });
    expect(decidedText(peer, 3)).to.equal('own');
    expect(peer.status(2)).to.deep.equal({ kind: 'forgotten' });
  });

  it('is not cut above what is learned, and says both', async () => {
    await peer.handleDecide(fromTwo({ slot: 5, value: own }));
    const error = await rejection(peer.cut(4), RangeError);
    expect(error.message).to.include('slot 4').and.include('through 3');
    expect((await rejection(peer.cut(-1), RangeError)).message).to.include('-1');
    expect(world.failures).to.deep.equal([]);
    expect(journal.records.filter(({ kind }) => kind === 'floor')).to.deep.equal([]);
  });

  it('never falls, and a second cut writes nothing', async () => {
    const cuts = [peer.cut(2), peer.cut(1)];
    journal.sync();
    await Promise.all(cuts);
    expect(peer.floor).to.equal(3);
    const { length } = journal.records;
    await peer.cut(2);
    await peer.cut(0);
    expect(journal.records).to.have.length(length);
    expect(peer.floor).to.equal(3);
  });

  it('waits for space when the log is cut without any, and does not stop the peer', async () => {
    journal.hasSpace = false;
    void peer.cut(1);
    expect(journal.appended[0]).to.deep.include({ lazy: true });
    await synced();
    expect(peer.floor).to.equal(2);
    expect(world.failures).to.deep.equal([]);
  });

  it('rises by an installed snapshot over slots that are not learned, whose proposers end', async () => {
    for (const { answers } of world.others) answers.prepare = () => 'lost';
    peer.start(5, own);
    peer.start(7, own);
    void peer.handleAccept(fromTwo({ slot: 6, ballot: ballotOf(1, 2), value: own }));
    void peer.handleAccept(fromTwo({ slot: 8, ballot: ballotOf(2, 2), value: own }));
    await synced();
    let installedAtFloor: number | undefined;
    const install = peer.install(6, () => (installedAtFloor = peer.floor));
    await turns();
    expect([installedAtFloor, peer.floor]).to.deep.equal([undefined, 0]);
    journal.sync();
    await install;
    expect(installedAtFloor, 'in the turn in which the floor has risen').to.equal(7);
    expect(peer.openInstances().map(([slot]) => slot)).to.deep.equal([7, 8]);
    const [, eight] = peer.openInstances();
    expect(eight![1].acceptor, 'a vote above').to.deep.include({ promised: ballotOf(2, 2) });
    expect(peer.roster.learnedThrough).to.equal(6);
    expect(peer.durablyLearnedThrough).to.equal(6);
    const sent = () => world.two.prepares.filter(({ slot }) => slot === 5).length;
    const before = sent();
    for (let count = 0; count < 5; count += 1) {
      world.clock.advance(1000);
      await synced();
    }
    expect(sent()).to.equal(before);
    expect(world.two.prepares.filter(({ slot }) => slot === 7)).to.have.length.above(1);
  });

  it('makes the slots of an installed snapshot known, so that none of them is taken for free', async () => {
    void peer.install(20);
    await synced();
    expect([peer.max(), peer.floor, peer.reach]).to.deep.equal([20, 21, 20]);
  });

  it('comes back after a restart without a word of anybody being done', async () => {
    const recovered = {
      floor: 5,
      floorToRecord: undefined,
      highestRound: 0,
      instances: new Map([[6, { phase: 'decided' as const, value: own }]]),
      unapplied: new Map([[4, own]]),
      silent: undefined,
      missingThrough: undefined,
    };
    ({ peer } = peerWorld(journal, { recovered }));
    expect([peer.floor, peer.min(), peer.max(), peer.reach]).to.deep.equal([5, 0, 6, 6]);
    expect(peer.status(4)).to.deep.equal({ kind: 'forgotten' });
    expect(await prepare(4)).to.deep.equal({ kind: 'behind', floor: 5 });
    expect(decidedText(peer, 6)).to.equal('own');
    expect(peer.takeUnapplied(4)).to.equal(own);
    expect(peer.takeUnapplied(4)).to.equal(undefined);
  });

  it('ends a proposer that is told Behind, and the peer that told it is reported', async () => {
    const heard: unknown[] = [];
    peer.onBehind((...told) => heard.push(told));
    agreeToAll(world);
    world.three.answers.prepare = () => 'silence';
    world.two.answers.prepare = () => ({ kind: 'behind', floor: 9 });
    peer.start(5, own);
    await synced();
    await synced();
    expect(heard).to.deep.equal([[2, 5, 9]]);
    expect(peer.floorOf(world.peer.roster.peers[0]!)).to.equal(9);
    expect(peer.openInstances().map(([, { proposing }]) => proposing)).to.deep.equal([undefined]);
  });
});

describe('what a Paxos peer holds', () => {
  it('is counted in bytes of values as they come, change and go', async () => {
    const { peer } = peerWorld();
    const bytes = (count: number) => new Uint8Array(count);
    await peer.handleAccept(fromTwo({ slot: 0, ballot: ballotOf(1, 2), value: bytes(10) }));
    expect(peer.heldBytes).to.equal(10);
    await peer.handleAccept(fromTwo({ slot: 0, ballot: ballotOf(2, 2), value: bytes(7) }));
    await peer.handlePrepare(fromTwo({ slot: 1, ballot: ballotOf(2, 2) }));
    expect(peer.heldBytes).to.equal(7);
    await peer.handleDecide(fromTwo({ slot: 0, value: bytes(7) }));
    await peer.handleDecide(fromTwo({ slot: 1, value: bytes(30) }));
    expect(peer.heldBytes).to.equal(37);
    await peer.cut(0);
    expect(peer.heldBytes).to.equal(30);
  });

  it('is said again by its live records: promises and votes of open instances, and nothing else', async () => {
    const { peer } = peerWorld();
    await peer.handleAccept(fromTwo({ slot: 0, ballot: ballotOf(1, 2), value: own }));
    await peer.handleDecide(fromTwo({ slot: 0, value: own }));
    await peer.handleDecide(fromTwo({ slot: 1, value: own }));
    await peer.handleAccept(fromTwo({ slot: 4, ballot: ballotOf(1, 2), value: own }));
    await peer.handlePrepare(fromTwo({ slot: 4, ballot: ballotOf(3, 2) }));
    await peer.handlePrepare(fromTwo({ slot: 2, ballot: ballotOf(2, 2) }));
    expect(peer.liveRecords()).to.deep.equal([
      { kind: 'promise', slot: 2, ballot: ballotOf(2, 2) },
      { kind: 'vote', slot: 4, vote: { ballot: ballotOf(1, 2), value: own } },
      { kind: 'promise', slot: 4, ballot: ballotOf(3, 2) },
    ]);
    await peer.install(2);
    expect(peer.liveRecords().map((record) => 'slot' in record && record.slot)).to.deep.equal([4, 4]);
  });
});
