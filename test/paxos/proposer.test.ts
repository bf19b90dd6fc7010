import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import type { PaxosPeer } from '../../src/paxos/peer.js';
import { turns } from '../support/fake-clock.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { agreeToAll, decidedText, fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';
import { doneEntry, headerBetween, incarnationOf } from '../support/rosters.js';

const own = valueOf('own');

describe('a Paxos peer that proposes', () => {
  let world: PeerWorld;
  let peer: PaxosPeer;

  beforeEach(() => {
    world = peerWorld();
    ({ peer } = world);
  });

  it('returns at once, and decides its value when a majority agrees', async () => {
    agreeToAll(world);
    peer.start(3, own);
    expect(peer.status(3)).to.deep.equal({ kind: 'pending' });
    await turns();
    expect(decidedText(peer, 3)).to.equal('own');
    for (const { prepares, accepts, decides } of world.others) {
      expect(prepares).to.deep.equal([{ slot: 3, ballot: ballotOf(1, 1) }]);
      expect(accepts).to.deep.equal([{ slot: 3, ballot: ballotOf(1, 1), value: own }]);
      expect(decides).to.deep.equal([{ slot: 3, value: own }]);
    }
  });

  it('decides with one silent peer of two', async () => {
    agreeToAll(world);
    world.three.answers.prepare = () => 'silence';
    world.three.answers.accept = () => 'silence';
    peer.start(0, own);
    await turns();
    expect(decidedText(peer, 0)).to.equal('own');
  });

  it('decides nothing alone, and asks again and again under one ballot, so that no log grows', async () => {
    for (const { answers } of world.others) answers.prepare = () => 'lost';
    peer.start(0, own);
    for (let round = 0; round < 20; round += 1) {
      await turns();
      world.clock.advance(1000);
    }
    expect(peer.status(0)).to.deep.equal({ kind: 'pending' });
    expect(world.others.flatMap(({ accepts }) => accepts)).to.deep.equal([]);
    const rounds = world.two.prepares.map(({ ballot }) => ballot.round);
    expect(rounds).to.have.length.above(10);
    expect(new Set(rounds).size).to.equal(1);
  });

  it('takes up the value of the highest vote it is told of', async () => {
    agreeToAll(world, { ballot: ballotOf(1, 1), value: valueOf('low') });
    world.three.answers.prepare = () => 'silence';
    await peer.handleAccept(fromTwo({ slot: 0, ballot: ballotOf(1, 2), value: valueOf('mine is higher') }));
    peer.start(0, own);
    await turns();
    world.clock.advance(1000);
    await turns();
    expect(decidedText(peer, 0)).to.equal('mine is higher');
  });

  it('goes above the ballot that it is rejected with', async () => {
    agreeToAll(world);
    world.two.answers.prepare = ({ ballot }) =>
      ballot.round < 8
        ? { kind: 'reject', highestPromised: ballotOf(7, 3) }
        : { kind: 'promise', vote: undefined };
    world.three.answers.prepare = () => 'silence';
    peer.start(0, own);
    await turns();
    world.clock.advance(1000);
    await turns();
    expect(world.two.prepares.map(({ ballot }) => ballot.round)).to.deep.equal([1, 8]);
    expect(decidedText(peer, 0)).to.equal('own');
  });

  it('does not propose twice when started twice', async () => {
    agreeToAll(world);
    world.three.answers.prepare = () => 'silence';
    peer.start(0, own);
    peer.start(0, valueOf('second thoughts'));
    await turns();
    peer.start(0, valueOf('third thoughts'));
    await turns();
    expect(decidedText(peer, 0)).to.equal('own');
    expect(world.two.prepares).to.have.length(1);
    expect(world.two.accepts).to.have.length(1);
  });

  it('proposes for many slots at once', async () => {
    agreeToAll(world);
    for (const slot of [7, 2, 5]) peer.start(slot, valueOf(`value of ${slot}`));
    await turns();
    expect([2, 5, 7].map((slot) => decidedText(peer, slot))).to.deep.equal([
      'value of 2',
      'value of 5',
      'value of 7',
    ]);
    expect(peer.status(3)).to.deep.equal({ kind: 'pending' });
    expect(peer.max()).to.equal(7);
  });

  for (const phase of ['prepare', 'accept'] as const) {
    it(`spreads a decision that it learns from an answer to ${phase}`, async () => {
      agreeToAll(world);
      world.two.answers[phase] = () => ({ kind: 'decided', value: valueOf('theirs') });
      world.three.answers[phase] = () => 'silence';
      peer.start(0, own);
      await turns();
      expect(decidedText(peer, 0)).to.equal('theirs');
      expect(world.three.decides).to.deep.equal([{ slot: 0, value: valueOf('theirs') }]);
    });
  }

  it('stops when it is told the decision', async () => {
    for (const { answers } of world.others) answers.prepare = () => 'lost';
    peer.start(0, own);
    await turns();
    expect(world.clock.waiting).to.equal(1);
    await peer.handleDecide(fromTwo({ slot: 0, value: valueOf('theirs') }));
    await turns();
    expect(world.clock.waiting).to.equal(0);
    expect(peer.openInstances()).to.deep.equal([]);
    peer.start(0, own);
    await turns();
    expect(world.two.prepares).to.have.length(1);
  });

  it('stops at a peer that has forgotten the slot, counting it for nothing', async () => {
    for (const { answers } of world.others) answers.prepare = () => ({ kind: 'behind', floor: 9 });
    peer.start(0, own);
    await turns();
    world.clock.advance(10_000);
    await turns();
    expect(peer.status(0)).to.deep.equal({ kind: 'pending' });
    expect(world.two.prepares).to.have.length(1);
    expect(peer.openInstances().map(([, { proposing }]) => proposing)).to.deep.equal([undefined]);
  });

  it('leaves no listeners behind on the rounds that are over', async () => {
    for (const { answers } of world.others) answers.prepare = () => 'lost';
    peer.start(0, own);
    for (let round = 0; round < 20; round += 1) {
      await turns();
      world.clock.advance(1000);
    }
    const [open] = peer.openInstances();
    expect(getEventListeners(open![1].proposing!.signal, 'abort')).to.have.length.below(5);
  });

  it('never uses a ballot again, also not for a slot that it is started on anew', async () => {
    for (const { answers } of world.others) answers.prepare = () => ({ kind: 'behind', floor: 9 });
    peer.start(0, own);
    await turns();
    peer.start(0, valueOf('second thoughts'));
    await turns();
    expect(world.two.prepares.map(({ ballot }) => ballot.round)).to.deep.equal([1, 2]);
  });

  it('does not count the answer of another process than it knows', async () => {
    agreeToAll(world);
    world.three.answers.prepare = () => 'silence';
    await peer.handleLearn({
      header: { ...headerBetween(2, 1), incarnation: incarnationOf(9) },
      body: { firstSlot: 0, lastSlot: 0 },
    });
    peer.start(0, own);
    await turns();
    expect(world.two.accepts).to.deep.equal([]);
    expect(peer.roster.refusals.get('changed-incarnation')).to.equal(1);
  });

  it('forgets what all are done with, as soon as an answer says so, and stops proposing it', async () => {
    peer.done(4);
    peer.start(3, own);
    peer.start(6, own);
    await turns();
    const done = [doneEntry(2, 4), doneEntry(3, 5)];
    await peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: 0 }, done));
    expect(peer.min()).to.equal(5);
    expect(peer.status(3)).to.deep.equal({ kind: 'forgotten' });
    await turns();
    expect(peer.floor).to.equal(5);
    expect(peer.heldInstances).to.equal(1);
    world.clock.advance(10_000);
    await turns();
    expect(world.two.prepares.filter(({ slot }) => slot === 3)).to.have.length(1);
  });

  it('takes Done values in from replies', async () => {
    agreeToAll(world);
    world.two.done = [doneEntry(2, 7), doneEntry(3, 7)];
    peer.done(2);
    peer.start(8, own);
    await turns();
    expect(peer.min()).to.equal(3);
  });

  it('sends nothing more once it is closed', async () => {
    for (const { answers } of world.others) answers.prepare = () => 'lost';
    peer.start(0, own);
    await turns();
    peer.close();
    const sent = world.two.prepares.length;
    for (let count = 0; count < 5; count += 1) {
      world.clock.advance(1000);
      await turns();
    }
    peer.start(1, own);
    await turns();
    expect(world.two.prepares).to.have.length(sent);
    expect(world.clock.waiting).to.equal(0);
  });
});
