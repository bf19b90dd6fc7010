import { expect } from 'chai';
import { PeerRefusal } from '../../src/log/roster.js';
import { VotingGate } from '../../src/log/voting-gate.js';
import type { PaxosRecord, SlotRange } from '../../src/paxos/messages.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { agreeToAll, decidedText, fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';
import { rejection } from '../support/rejection.js';

const own = valueOf('own');
const notVoting = { kind: 'refused', reason: 'not-voting' };
const noSpace = { kind: 'refused', reason: 'no-space' };

const recoveredWith = (parts: Partial<RecoveredPaxos>): RecoveredPaxos => ({
  floor: 0,
  floorToRecord: undefined,
  highestRound: 0,
  instances: new Map(),
  unapplied: new Map(),
  silent: undefined,
  missingThrough: undefined,
  ...parts,
});
const prepare = async ({ peer }: PeerWorld, slot: number, round = 5) =>
  (await peer.handlePrepare(fromTwo({ slot, ballot: ballotOf(round, 2) }))).body;
const accept = async ({ peer }: PeerWorld, slot: number, round = 5) =>
  (await peer.handleAccept(fromTwo({ slot, ballot: ballotOf(round, 2), value: own }))).body;

describe('a Paxos peer behind a closed gate', () => {
  let gate: VotingGate;
  let world: PeerWorld;

  beforeEach(() => {
    gate = new VotingGate();
    world = peerWorld(undefined, { gate });
  });

  it('refuses Prepare and Accept and changes nothing', async () => {
    expect(await prepare(world, 3)).to.deep.equal(notVoting);
    expect(await accept(world, 3)).to.deep.equal(notVoting);
    expect([world.peer.heldInstances, world.peer.max(), world.peer.reach]).to.deep.equal([0, -1, undefined]);
    gate.open();
    expect(await prepare(world, 3, 1)).to.deep.equal({ kind: 'promise', vote: undefined });
  });

  it('sends nothing of a proposal until it opens', async () => {
    agreeToAll(world);
    world.peer.start(0, own);
    await turns();
    expect(world.two.prepares).to.deep.equal([]);
    gate.open();
    await turns();
    expect(decidedText(world.peer, 0)).to.equal('own');
  });

  it('sends nothing at all when the proposal has become needless by then', async () => {
    world.peer.start(0, own);
    await world.peer.handleDecide(fromTwo({ slot: 0, value: valueOf('theirs') }));
    gate.open();
    await turns();
    expect(world.two.prepares).to.deep.equal([]);
  });

  it('learns, and tells what it has learned', async () => {
    await world.peer.handleDecide(fromTwo({ slot: 0, value: own }));
    const { body } = await world.peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: 0 }));
    expect(body.decided).to.have.length(1);
  });

  it('answers no barrier, not even its own: votes that it answered may be missing from its log', async () => {
    expect(world.peer.ownReach()).to.equal(undefined);
    await rejection(
      Promise.resolve().then(() => world.peer.handleReach(fromTwo(undefined))),
      PeerRefusal,
    );
    gate.open();
    expect(world.peer.ownReach()).to.deep.equal({ reach: undefined });
    expect((await world.peer.handleReach(fromTwo(undefined))).body).to.deep.equal({ reach: undefined });
  });
});

describe('a Paxos peer whose log is damaged', () => {
  const worldWith = (silent: SlotRange, parts: Partial<RecoveredPaxos> = {}) =>
    peerWorld(undefined, { recovered: recoveredWith({ silent, ...parts }) });
  const decide = (world: PeerWorld, slot: number) => world.peer.handleDecide(fromTwo({ slot, value: own }));

  it('votes on no slot up to the last damaged one until all of them are decided here', async () => {
    const world = worldWith({ first: 2, last: 4 });
    for (const slot of [0, 2, 4]) {
      expect(await prepare(world, slot)).to.deep.equal(notVoting);
      expect(await accept(world, slot)).to.deep.equal(notVoting);
    }
    expect(await prepare(world, 5)).to.deep.include({ kind: 'promise' });
    await decide(world, 4);
    await decide(world, 2);
    expect(await prepare(world, 0)).to.deep.equal(notVoting);
    await decide(world, 3);
    expect(world.peer.silence).to.equal(undefined);
    expect(await prepare(world, 0)).to.deep.include({ kind: 'promise' });
    expect(await prepare(world, 2)).to.deep.include({ kind: 'decided' });
  });

  it('votes again once the damaged slots are below its floor', async () => {
    const world = worldWith({ first: 2, last: 4 });
    await world.peer.install(3);
    expect(await prepare(world, 4)).to.deep.equal(notVoting);
    await decide(world, 4);
    expect(world.peer.silence).to.equal(undefined);
    const other = worldWith({ first: 2, last: 4 });
    await other.peer.install(4);
    expect(other.peer.silence).to.equal(undefined);
  });

  it('tells at least the last damaged slot as its reach', async () => {
    const world = worldWith({ first: 2, last: 4 });
    expect(world.peer.ownReach()).to.deep.equal({ reach: 4 });
    await accept(world, 9);
    expect((await world.peer.handleReach(fromTwo(undefined))).body).to.deep.equal({ reach: 9 });
    const other = worldWith({ first: 2, last: 4 });
    for (const slot of [2, 3, 4]) await decide(other, slot);
    expect(other.peer.ownReach()).to.deep.equal({ reach: 4 });
  });

  it('still proposes, and lets the others decide', async () => {
    const world = worldWith({ first: 2, last: 4 });
    agreeToAll(world);
    world.peer.start(3, own);
    await turns();
    expect(decidedText(world.peer, 3)).to.equal('own');
    const alone = worldWith({ first: 2, last: 4 });
    agreeToAll(alone);
    alone.three.answers.prepare = () => 'lost';
    alone.peer.start(3, own);
    for (let round = 0; round < 10; round += 1) {
      await turns();
      alone.clock.advance(1000);
    }
    expect(alone.two.prepares).to.have.length.above(3);
    expect(alone.two.accepts, 'its own promise does not count').to.deep.equal([]);
  });
});

describe('a Paxos peer without space', () => {
  let journal: HeldJournal<PaxosRecord>;
  let world: PeerWorld;

  beforeEach(() => {
    journal = new HeldJournal();
    world = peerWorld(journal);
  });

  const synced = async <Value>(reply: Promise<Value>): Promise<Value> => {
    journal.sync();
    return reply;
  };

  it('refuses what needs a record and changes nothing', async () => {
    journal.hasSpace = false;
    expect(await prepare(world, 3)).to.deep.equal(noSpace);
    expect(await accept(world, 3)).to.deep.equal(noSpace);
    expect([world.peer.heldInstances, world.peer.max(), journal.appended.length]).to.deep.equal([0, -1, 0]);
  });

  it('answers what needs none: duplicates, rejections and decisions', async () => {
    await synced(prepare(world, 3, 5));
    await synced(accept(world, 4, 5));
    await world.peer.handleDecide(fromTwo({ slot: 5, value: own }));
    journal.hasSpace = false;
    expect(await synced(prepare(world, 3, 5))).to.deep.equal({ kind: 'promise', vote: undefined });
    expect(await synced(prepare(world, 3, 4))).to.deep.include({ kind: 'reject' });
    expect(await synced(accept(world, 4, 5))).to.deep.equal({ kind: 'accept-ok' });
    expect(await prepare(world, 5)).to.deep.include({ kind: 'decided' });
    expect(await synced(prepare(world, 3, 6))).to.deep.equal(noSpace);
    expect(await synced(prepare(world, 3, 5)), 'as it was before').to.deep.include({ kind: 'promise' });
  });

  it('learns in memory, and is not done with it before it is written down', async () => {
    journal.hasSpace = false;
    await world.peer.handleDecide(fromTwo({ slot: 0, value: own }));
    await turns();
    expect(decidedText(world.peer, 0)).to.equal('own');
    expect([world.peer.roster.learnedThrough, world.peer.durablyLearnedThrough]).to.deep.equal([
      0,
      undefined,
    ]);
    journal.sync();
    await turns();
    expect(world.peer.durablyLearnedThrough).to.equal(0);
  });

  it('begins no round that it cannot write down, and goes on when there is space again', async () => {
    agreeToAll(world);
    journal.hasSpace = false;
    world.peer.start(0, own);
    for (let count = 0; count < 5; count += 1) {
      await turns();
      world.clock.advance(1000);
    }
    expect(world.two.prepares).to.deep.equal([]);
    expect(journal.appended).to.deep.equal([]);
    journal.hasSpace = true;
    for (let count = 0; count < 5; count += 1) {
      world.clock.advance(1000);
      await turns();
      journal.sync();
      await turns();
    }
    expect(decidedText(world.peer, 0)).to.equal('own');
    expect(world.two.prepares.map(({ ballot }) => ballot.round)).to.deep.equal([1]);
  });
});

describe('the rounds of a Paxos peer', () => {
  it('lie above every round stored before its start, in every instance', async () => {
    const world = peerWorld(undefined, { recovered: recoveredWith({ highestRound: 7 }) });
    for (const { answers } of world.others) answers.prepare = () => 'lost';
    world.peer.start(0, own);
    world.peer.start(5, own);
    await turns();
    expect(world.two.prepares.map(({ slot, ballot }) => [slot, ballot.round])).to.deep.equal([
      [0, 8],
      [5, 8],
    ]);
  });

  it('are written down once for all instances, and waited for by each', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const world = peerWorld(journal, { recovered: recoveredWith({ highestRound: 7 }) });
    const rounds = () => journal.records.filter(({ kind }) => kind === 'round');
    world.peer.start(0, own);
    world.peer.start(5, own);
    await turns();
    expect(rounds()).to.deep.equal([{ kind: 'round', round: 8 }]);
    expect(world.two.prepares).to.deep.equal([]);
    journal.sync();
    await turns();
    expect(world.two.prepares).to.have.length(2);
    world.peer.start(6, own);
    await turns();
    expect(rounds()).to.deep.equal([{ kind: 'round', round: 8 }]);
    expect(world.two.prepares, 'what is durable is not waited for').to.have.length(3);
  });

  it('are not used again in an instance whose own acceptor had refused them', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const world = peerWorld(journal, { recovered: recoveredWith({ silent: { first: 0, last: 9 } }) });
    for (const { answers } of world.others) answers.prepare = () => ({ kind: 'behind', floor: 1 });
    for (let count = 0; count < 3; count += 1) {
      world.peer.start(0, own);
      await turns();
      journal.sync();
      await turns();
    }
    expect(world.two.prepares.map(({ ballot }) => ballot.round)).to.deep.equal([1, 2, 3]);
  });
});
