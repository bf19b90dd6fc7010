import { expect } from 'chai';
import { PeerRefusal } from '../../src/log/roster.js';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { agreeToAll, decidedText, fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';
import { rejection } from '../support/rejection.js';

const own = valueOf('own');

describe('a Paxos peer with a journal that takes its time', () => {
  let world: PeerWorld;
  let journal: HeldJournal<PaxosRecord>;

  beforeEach(() => {
    journal = new HeldJournal();
    world = peerWorld(journal);
  });

  const answered = async (reply: Promise<unknown>): Promise<boolean> => {
    let done = false;
    reply.then(
      () => (done = true),
      () => (done = true),
    );
    await turns();
    return done;
  };

  const ballot = ballotOf(3, 2);
  const requests = {
    Prepare: () => world.peer.handlePrepare(fromTwo({ slot: 0, ballot })),
    Accept: () => world.peer.handleAccept(fromTwo({ slot: 0, ballot, value: own })),
  };

  for (const [name, request] of Object.entries(requests)) {
    it(`holds its answer to ${name} until the append resolves`, async () => {
      const reply = request();
      expect(journal.records).to.have.length(1);
      expect(await answered(reply)).to.equal(false);
      journal.sync();
      expect(await answered(reply)).to.equal(true);
    });

    it(`holds its answer to a duplicate ${name} as well, whose record may still be in flight`, async () => {
      void request();
      const duplicate = request();
      expect(journal.records).to.have.length(1);
      expect(await answered(duplicate)).to.equal(false);
      journal.appended[0]!.resolve();
      expect(await answered(duplicate)).to.equal(false);
      journal.sync();
      expect(await answered(duplicate)).to.equal(true);
    });
  }

  it('answers Decide at once, and tells a decision at once', async () => {
    const decided = await world.peer.handleDecide(fromTwo({ slot: 0, value: own }));
    expect(decided.body).to.deep.equal({ kind: 'decide-ok' });
    const { body } = await world.peer.handlePrepare(fromTwo({ slot: 0, ballot }));
    expect(body).to.deep.equal({ kind: 'decided', value: own });
    expect(journal.records).to.deep.equal([{ kind: 'decided', slot: 0, value: own }]);
  });

  it('sends no Prepare before its round is written down', async () => {
    world.peer.start(0, own);
    await turns();
    expect(journal.records).to.deep.equal([{ kind: 'round', round: 1 }]);
    expect(world.two.prepares).to.deep.equal([]);
    journal.sync();
    await turns();
    expect(world.two.prepares).to.have.length(1);
  });

  it('counts its own promise and its own vote only once they are written down', async () => {
    agreeToAll(world);
    world.three.answers.prepare = () => 'silence';
    world.three.answers.accept = () => 'silence';
    world.peer.start(0, own);
    journal.sync();
    await turns();
    expect(world.two.prepares).to.have.length(1);
    expect(world.two.accepts).to.deep.equal([]);
    journal.sync();
    await turns();
    expect(world.two.accepts).to.have.length(1);
    expect(world.peer.status(0)).to.deep.equal({ kind: 'pending' });
    journal.sync();
    await turns();
    expect(decidedText(world.peer, 0)).to.equal('own');
  });

  it('gives no answer and stops when the journal fails, and says why', async () => {
    const reply = world.peer.handleAccept(fromTwo({ slot: 0, ballot, value: own }));
    const failure = new Error('the disk is gone');
    journal.fail(failure);
    expect(await rejection(reply, Error)).to.equal(failure);
    expect(world.failures).to.deep.equal([failure]);
    const { refusal } = await rejection(requests.Prepare(), PeerRefusal);
    expect(refusal).to.equal('closed');
  });

  it('stops when the journal fails a record that no answer waits for', async () => {
    await world.peer.handleDecide(fromTwo({ slot: 0, value: own }));
    const failure = new Error('the disk is gone');
    journal.fail(failure);
    await turns();
    expect(world.failures).to.deep.equal([failure]);
  });

  it('stops when the round of its own proposal cannot be written down', async () => {
    world.peer.start(0, own);
    const failure = new Error('the disk is gone');
    journal.fail(failure);
    await turns();
    expect(world.failures).to.deep.equal([failure]);
    expect(world.two.prepares).to.deep.equal([]);
  });
});
