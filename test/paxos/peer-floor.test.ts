import { expect } from 'chai';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { forgetThrough, fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';

const own = valueOf('own');

describe('a Paxos peer that is asked below its floor', () => {
  let world: PeerWorld;
  const journal = new HeldJournal<PaxosRecord>();
  const behind = { kind: 'behind', floor: 5 };

  beforeEach(async () => {
    journal.appended.splice(0);
    world = peerWorld(journal);
    await forgetThrough(world, 4);
    journal.sync();
    await turns();
    journal.appended.splice(0);
  });

  afterEach(() => {
    expect(world.peer.heldInstances, 'instances made').to.equal(0);
    expect(world.peer.max(), 'max').to.equal(-1);
    expect(journal.appended, 'records').to.deep.equal([]);
  });

  it('answers Prepare with Behind and makes nothing', async () => {
    const reply = await world.peer.handlePrepare(fromTwo({ slot: 4, ballot: ballotOf(9, 2) }));
    expect(reply.body).to.deep.equal(behind);
  });

  it('answers Accept with Behind and makes nothing', async () => {
    const reply = await world.peer.handleAccept(fromTwo({ slot: 4, ballot: ballotOf(9, 2), value: own }));
    expect(reply.body).to.deep.equal(behind);
  });

  it('answers Decide with Behind and makes nothing', async () => {
    const heard: number[] = [];
    world.peer.onDecided((slot) => heard.push(slot));
    const reply = await world.peer.handleDecide(fromTwo({ slot: 4, value: own }));
    expect(reply.body).to.deep.equal(behind);
    expect(heard).to.deep.equal([]);
  });

  it('answers Learn with Behind and makes nothing', async () => {
    const reply = await world.peer.handleLearn(fromTwo({ firstSlot: 4, lastSlot: 9 }));
    expect(reply.body).to.deep.equal({ decided: [], behind });
  });

  it('says forgotten, and starts nothing', async () => {
    world.peer.start(4, own);
    await turns();
    expect(world.peer.status(4)).to.deep.equal({ kind: 'forgotten' });
    expect(world.others.flatMap(({ prepares }) => prepares)).to.deep.equal([]);
  });
});
