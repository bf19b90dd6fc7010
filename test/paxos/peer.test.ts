import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { limits } from '../../src/log/limits.js';
import { PeerRefusal } from '../../src/log/roster.js';
import { InvariantViolation } from '../../src/log/invariant-violation.js';
import type { PaxosPeer } from '../../src/paxos/peer.js';
import { turns } from '../support/fake-clock.js';
import { ballotOf, textOf, valueOf } from '../support/paxos-values.js';
import {
  agreeToAll,
  decidedText,
  forgetThrough,
  fromTwo,
  peerWorld,
  type PeerWorld,
} from '../support/peer-world.js';
import { rejection, thrown } from '../support/rejection.js';
import { doneEntry } from '../support/rosters.js';

const own = valueOf('own');

describe('a Paxos peer', () => {
  let world: PeerWorld;
  let peer: PaxosPeer;

  beforeEach(() => {
    world = peerWorld();
    ({ peer } = world);
  });

  it('says that every slot is pending before anything has happened', () => {
    expect(peer.max()).to.equal(-1);
    expect(peer.min()).to.equal(0);
    expect(peer.status(0)).to.deep.equal({ kind: 'pending' });
    expect(peer.heldInstances).to.equal(0);
  });

  it('refuses slots that cannot be', () => {
    for (const slot of [-1, 0.5, Number.NaN, 2 ** 53]) {
      for (const action of [() => peer.start(slot, own), () => peer.status(slot), () => peer.done(slot)]) {
        expect(thrown(action, RangeError).message).to.include(`slot ${slot}`);
      }
    }
  });

  it('tells of each decision once', async () => {
    const heard: string[] = [];
    peer.onDecided((slot, value) => heard.push(`${slot}: ${textOf(value)}`));
    agreeToAll(world);
    peer.start(0, own);
    await turns();
    for (let count = 0; count < 3; count += 1) {
      await peer.handleDecide(fromTwo({ slot: 0, value: own }));
      await peer.handleDecide(fromTwo({ slot: 1, value: valueOf('theirs') }));
    }
    expect(heard).to.deep.equal(['0: own', '1: theirs']);
  });

  it('tells its peers how far it has learned', async () => {
    for (const slot of [0, 1, 3]) await peer.handleDecide(fromTwo({ slot, value: own }));
    const { header } = await peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: 0 }));
    expect(header.learnedThrough).to.equal(1);
  });

  it('stops when a slot is decided with two values', async () => {
    await peer.handleDecide(fromTwo({ slot: 0, value: own }));
    await rejection(peer.handleDecide(fromTwo({ slot: 0, value: valueOf('another') })), InvariantViolation);
    expect(world.failures).to.have.length(1);
    expect(world.failures[0]).to.be.instanceOf(InvariantViolation);
    await rejection(peer.handleDecide(fromTwo({ slot: 1, value: own })), PeerRefusal);
    expect(decidedText(peer, 0)).to.equal('own');
  });

  it('keeps its max when it forgets, and its min while one peer is silent', async () => {
    await peer.handleDecide(fromTwo({ slot: 9, value: own }));
    peer.done(3);
    await peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: 0 }, [doneEntry(2, 5)]));
    expect(peer.min()).to.equal(0);
    await forgetThrough(world, 9);
    expect(peer.max()).to.equal(9);
    expect(peer.heldInstances).to.equal(0);
    expect(peer.reach).to.equal(9);
  });

  it('tells its peers that it needs nothing more of what all have forgotten', async () => {
    await forgetThrough(world, 9);
    const { header } = await peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: 0 }));
    expect(header.learnedThrough).to.equal(9);
  });

  it('is not held up by slots that are far apart', async () => {
    const far = limits.plausibleLead - 1;
    await peer.handleDecide(fromTwo({ slot: far, value: own }));
    const { body } = await peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: far }));
    expect(body.decided.map(({ slot }) => slot)).to.deep.equal([far]);
    await forgetThrough(world, far);
    expect(peer.heldInstances).to.equal(0);
  }).timeout(5000);

  it('refuses slots and rounds that are implausibly far ahead', async () => {
    const lead = limits.plausibleLead;
    const requests = [
      () => peer.handlePrepare(fromTwo({ slot: lead, ballot: ballotOf(1, 2) })),
      () => peer.handlePrepare(fromTwo({ slot: 0, ballot: ballotOf(lead + 1, 2) })),
      () => peer.handleAccept(fromTwo({ slot: lead, ballot: ballotOf(1, 2), value: own })),
      () => peer.handleAccept(fromTwo({ slot: 0, ballot: ballotOf(lead + 1, 2), value: own })),
      () => peer.handleDecide(fromTwo({ slot: lead, value: own })),
      () => peer.handleLearn(fromTwo({ firstSlot: lead, lastSlot: lead })),
    ];
    for (const [index, request] of requests.entries()) {
      const refusal = await rejection(
        Promise.resolve().then(() => request() as Promise<unknown>),
        PeerRefusal,
      );
      expect(refusal.refusal).to.equal('garbled');
      expect(peer.roster.refusals.get('garbled')).to.equal(index + 1);
    }
    expect(peer.heldInstances).to.equal(0);
    expect(peer.max()).to.equal(-1);
  });
});

describe('a Paxos peer that is asked to Learn', () => {
  let world: PeerWorld;

  beforeEach(() => {
    world = peerWorld();
  });

  const decide = async (slot: number, bytes: number): Promise<void> => {
    await world.peer.handleDecide(fromTwo({ slot, value: Buffer.alloc(bytes, slot) }));
  };
  const learn = async (firstSlot: number, lastSlot: number) => {
    const { body } = await world.peer.handleLearn(fromTwo({ firstSlot, lastSlot }));
    expect(body.behind).to.equal(undefined);
    return body.decided.map(({ slot }) => slot);
  };

  it('answers with what is decided in the range, both ends included, and with nothing else', async () => {
    for (const slot of [1, 2, 4, 5]) await decide(slot, 1);
    await world.peer.handleAccept(fromTwo({ slot: 3, ballot: ballotOf(1, 2), value: own }));
    expect(await learn(0, 9)).to.deep.equal([1, 2, 4, 5]);
    expect(await learn(2, 4)).to.deep.equal([2, 4]);
    expect(await learn(3, 3)).to.deep.equal([]);
    expect(await learn(4, 2)).to.deep.equal([]);
    expect(world.peer.heldInstances).to.equal(5);
  });

  it('answers with no more than a page', async () => {
    const half = limits.learnPageBytes / 2;
    await decide(0, half);
    await decide(1, half);
    await decide(2, 1);
    expect(await learn(0, 9)).to.deep.equal([0, 1]);
    expect(await learn(1, 9)).to.deep.equal([1, 2]);
  });

  it('answers with a single slot that is larger than a page', async () => {
    await decide(0, limits.learnPageBytes + 1);
    await decide(1, 1);
    expect(await learn(0, 9)).to.deep.equal([0]);
    expect(await learn(1, 9)).to.deep.equal([1]);
  });

  it('does not leave a gap when a large slot follows a small one', async () => {
    await decide(0, 1);
    await decide(1, limits.learnPageBytes + 1);
    await decide(2, 1);
    expect(await learn(0, 9)).to.deep.equal([0]);
    expect(await learn(1, 9)).to.deep.equal([1]);
  });

  it('says from where on it remembers, and tells the rest', async () => {
    await forgetThrough(world, 4);
    await decide(5, 1);
    const { body } = await world.peer.handleLearn(fromTwo({ firstSlot: 3, lastSlot: 9 }));
    expect(body).to.deep.equal({
      decided: [{ slot: 5, value: Buffer.alloc(1, 5) }],
      behind: { kind: 'behind', floor: 5 },
    });
  });

  it('keeps what it learns itself, and tells how far that went', async () => {
    const decided = [0, 1].map((slot) => ({ slot, value: valueOf(`value of ${slot}`) }));
    world.two.answers.learn = () => ({ decided, behind: undefined });
    expect(await world.peer.learnFrom(replicaId(2), 0, 9)).to.equal(1);
    expect(world.two.learns).to.deep.equal([{ firstSlot: 0, lastSlot: 9 }]);
    expect(decidedText(world.peer, 1)).to.equal('value of 1');
    world.three.answers.learn = () => 'lost';
    expect(await world.peer.learnFrom(replicaId(3), 0, 9)).to.equal(undefined);
    expect(await world.peer.learnFrom(replicaId(9), 0, 9)).to.equal(undefined);
  });
});
