import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { Roster } from '../../src/log/roster.js';
import { VotingGate } from '../../src/log/voting-gate.js';
import { emptyLog } from '../../src/omnipaxos/accepted-log.js';
import type { Message } from '../../src/omnipaxos/messages.js';
import { OmnipaxosPeer } from '../../src/omnipaxos/peer.js';
import type { Exchange, OmnipaxosLink } from '../../src/omnipaxos/service.js';
import { seededRandom } from '../../src/runtime/random.js';
import { memoryJournal } from '../../src/storage/journal.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { memoryDuplex } from '../support/memory-duplex.js';
import { acceptDecideOf, acceptSyncOf, prepareOf } from '../support/omnipaxos-machine.js';
import { electionTimeoutMs, OmnipaxosPeerWorld } from '../support/omnipaxos-on-peer.js';
import { ballotOf, textOf, valueOf } from '../support/paxos-values.js';
import { rejection } from '../support/rejection.js';
import { clusterId, doneEntry, incarnationOf } from '../support/rosters.js';

const ballot = ballotOf(5, 2);
const kindsOf = (records: readonly { readonly kind: string }[]) => records.map(({ kind }) => kind);

describe('a peer of OmniPaxos with a journal that takes its time', () => {
  let world: OmnipaxosPeerWorld;
  let peer: OmnipaxosPeer;

  beforeEach(async () => {
    world = new OmnipaxosPeerWorld();
    ({ peer } = world);
    world.syncs = false;
    peer.start();
    await turns();
  });
  afterEach(() => peer.close());

  const say = async (...messages: Message[]) => {
    world.two.say(...messages);
    await turns();
  };
  const synced = async () => {
    world.journal.sync();
    await turns();
  };

  it('holds its promise until the append resolves, and the answer to a duplicate as well', async () => {
    await say(prepareOf(ballot, 1));
    await say(prepareOf(ballot, 2));
    expect(world.journal.records).to.deep.equal([{ kind: 'promise', ballot }]);
    expect(world.two.of('promise')).to.deep.equal([]);
    world.journal.appended[0]!.resolve();
    await turns();
    expect(world.two.of('promise').map(({ sync }) => sync)).to.deep.equal([1]);
    await synced();
    expect(world.two.of('promise').map(({ sync }) => sync)).to.deep.equal([1, 2]);
  });

  it('holds its votes until their entries are on disk, and writes them in order', async () => {
    await say(prepareOf(ballot, 1));
    await say(acceptSyncOf(ballot, 1, 0, ['a'], { decidedEnd: 1 }));
    await say(acceptDecideOf(ballot, 1, 1, 1, ['b', 'c'], 1));
    expect(world.two.of('accepted')).to.deep.equal([]);
    expect(world.journal.appended.map(({ records }) => kindsOf(records))).to.deep.equal([
      ['promise'],
      ['truncate', 'entry', 'decided'],
      ['entry', 'entry'],
    ]);
    await synced();
    expect(world.two.of('accepted').at(-1)).to.deep.equal({ kind: 'accepted', ballot, acceptedEnd: 3 });
  });

  it('writes what it hears decided lazily, and counts it as durable only then', async () => {
    await say(prepareOf(ballot, 1));
    await say(acceptSyncOf(ballot, 1, 0, ['a', 'b']));
    await synced();
    await say(acceptDecideOf(ballot, 1, 1, 2, [], 2));
    expect(peer.decidedEnd).to.equal(2);
    expect(textOf(peer.decided(1)!)).to.equal('b');
    expect(peer.roster.learnedThrough).to.equal(1);
    expect(world.journal.appended.at(-1)).to.deep.include({
      lazy: true,
      records: [{ kind: 'decided', decidedEnd: 2 }],
    });
    expect(peer.durablyDecidedEnd).to.equal(0);
    let told = 0;
    peer.onDurablyDecided(() => (told += 1));
    await synced();
    expect([peer.durablyDecidedEnd, told]).to.deep.equal([2, 1]);
  });

  it('leads, and decides, only with its own records on disk where they are needed', async () => {
    world.three.answers.prepares = false;
    world.three.answers.values = false;
    await world.afterMs(3 * electionTimeoutMs);
    expect(kindsOf(world.journal.records)).to.deep.equal(['promise']);
    expect(world.two.of('prepare')).to.deep.equal([]);
    await synced();
    await synced();
    expect(world.two.of('prepare')).to.have.length.above(0);
    expect(peer.leadership.kind).to.equal('leading');
    expect(peer.proposal(valueOf('a'))).to.deep.include({ kind: 'proposed', slot: 0 });
    await turns();
    expect(world.two.of('accept-decide'), 'values go beside the own sync').to.have.length(1);
    expect(peer.decidedEnd).to.equal(0);
    await synced();
    expect(peer.decidedEnd).to.equal(1);
  });

  it('stops when an append fails, and says why', async () => {
    await say(prepareOf(ballot, 1));
    const failure = new Error('the disk is gone');
    world.journal.fail(failure);
    await turns();
    expect(world.failures).to.deep.equal([failure]);
    expect(world.two.of('promise')).to.deep.equal([]);
    expect(world.two.ends, 'its streams are ended').to.have.length(1);
    await world.afterMs(1000);
    expect(world.two.lines).to.have.length(1);
    expect(peer.leadership).to.deep.equal({ kind: 'following', leader: undefined });
    expect(world.clock.waiting).to.equal(0);
  });

  it('stops when an append fails that nobody waits for, and when an invariant is broken', async () => {
    await say(prepareOf(ballot, 1));
    await say(acceptSyncOf(ballot, 1, 0, ['a']));
    await synced();
    await say(acceptDecideOf(ballot, 1, 1, 1, [], 1));
    const failure = new Error('the disk is gone');
    world.journal.fail(failure);
    await turns();
    expect(world.failures).to.deep.equal([failure]);
    const other = new OmnipaxosPeerWorld();
    other.peer.start();
    await other.settle();
    other.two.say(prepareOf(ballot, 1));
    await other.settle();
    other.two.say(acceptSyncOf(ballot, 1, 7, ['a']));
    await other.settle();
    expect(other.failures.map(String)).to.have.length(1);
    expect(String(other.failures[0])).to.include('replaces the log from slot 7');
  });

  it('raises its floor when all are done, and forgets only when that is on disk', async () => {
    await say(prepareOf(ballot, 1));
    await say(acceptSyncOf(ballot, 1, 0, ['a', 'b', 'c'], { decidedEnd: 2 }));
    await synced();
    peer.done(2);
    world.two.done = [doneEntry(2, 1), doneEntry(3, 2)];
    await say();
    expect(world.journal.appended.at(-1)).to.deep.include({
      lazy: true,
      records: [{ kind: 'floor', floor: 2 }],
    });
    expect(peer.floor).to.equal(0);
    await synced();
    expect([peer.floor, peer.held.slots, peer.held.bytes]).to.deep.equal([2, 1, 1]);
    world.two.done = [doneEntry(2, 9), doneEntry(3, 9)];
    await say();
    await synced();
    expect(peer.floor, 'never above what is decided').to.equal(2);
  });

  it('cuts what is decided and no more, once its floor is on disk', async () => {
    await say(prepareOf(ballot, 1));
    await say(acceptSyncOf(ballot, 1, 0, ['a', 'b', 'c'], { decidedEnd: 2 }));
    await synced();
    expect((await rejection(peer.cut(2), RangeError)).message)
      .to.include('slot 2')
      .and.include('below 2');
    const cut = peer.cut(1);
    await turns();
    expect(peer.floor).to.equal(0);
    await synced();
    await cut;
    expect(peer.floor).to.equal(2);
  });
});

describe('a peer of OmniPaxos', () => {
  it('is silent until it may vote', async () => {
    const gate = new VotingGate();
    const world = new OmnipaxosPeerWorld({ gate });
    world.peer.start();
    await world.afterMs(3 * electionTimeoutMs);
    world.two.say(prepareOf(ballot, 1), { kind: 'heartbeat-request', round: 3, sent: undefined });
    await world.settle();
    expect(world.two.heard).to.deep.equal([]);
    expect(world.journal.records).to.deep.equal([]);
    gate.open();
    world.two.say(prepareOf(ballot, 1), { kind: 'heartbeat-request', round: 3, sent: undefined });
    await world.settle();
    expect(kindsOf(world.two.heard)).to.deep.equal(['heartbeat', 'promise']);
    world.peer.close();
  });

  it('tells followers that hear nothing else what is decided within 2 ms, once', async () => {
    const world = new OmnipaxosPeerWorld();
    await world.lead();
    world.peer.proposal(valueOf('a'));
    await world.settle();
    const before = world.two.of('accept-decide').length;
    world.clock.advance(2);
    await turns();
    const told = world.two.of('accept-decide').slice(before);
    expect(told).to.have.length(1);
    expect(told[0]).to.deep.include({ values: [], first: 1, decidedEnd: 1 });
    await world.afterMs(50);
    expect(world.two.of('accept-decide')).to.have.length(before + 1);
    world.peer.close();
  });

  it('takes no proposal while it does not lead, and names who does', async () => {
    const world = new OmnipaxosPeerWorld();
    expect(world.peer.proposal(valueOf('a'))).to.deep.equal({ kind: 'not-leader', leader: undefined });
    world.peer.start();
    await world.settle();
    world.two.say(prepareOf(ballot, 1));
    await world.settle();
    expect(world.peer.proposal(valueOf('a'))).to.deep.equal({ kind: 'not-leader', leader: 2 });
    expect(world.peer.acceptedEnd).to.equal(0);
    world.peer.close();
  });

  it('goes on from what was recovered: it leads under a higher ballot and hands out what nobody has applied', async () => {
    const log = {
      ...emptyLog,
      promised: ballotOf(7, 1),
      accepted: ballotOf(7, 1),
      floor: 2,
      values: [valueOf('c')],
      decidedEnd: 2,
    };
    const unapplied = new Map([[1, valueOf('b')]]);
    const world = new OmnipaxosPeerWorld({ recovered: { log, unapplied, missingThrough: undefined } });
    expect([world.peer.isRecovered, world.peer.floor, world.peer.decidedEnd]).to.deep.equal([true, 2, 2]);
    expect(world.peer.decided(0)).to.equal(undefined);
    expect(textOf(world.peer.decided(1)!)).to.equal('b');
    expect(world.peer.decided(1), 'it is handed out once').to.equal(undefined);
    expect(world.peer.leadership.kind).to.equal('following');
    await world.lead();
    expect(world.peer.leadership).to.deep.equal({ kind: 'leading', ballot: ballotOf(8, 1) });
    await world.settle();
    expect(world.peer.decidedEnd, 'its suffix is accepted anew').to.equal(3);
    world.peer.close();
  });

  it('leaves nothing behind when it is closed', async () => {
    const world = new OmnipaxosPeerWorld();
    world.three.answers.opening = false;
    await world.lead();
    let changes = 0;
    world.peer.onLeadership(() => (changes += 1));
    world.peer.close();
    world.peer.close();
    await turns();
    expect(changes).to.equal(1);
    expect(world.clock.waiting).to.equal(0);
    expect([world.two.ends.length, world.three.ends.length]).to.deep.equal([1, world.three.lines.length]);
    expect(world.peer.proposal(valueOf('a')).kind).to.equal('not-leader');
    expect(world.failures).to.deep.equal([]);
  });
});

describe('peers of OmniPaxos with sparse ids', () => {
  const ids = [2, 40, 700];

  it('forget what all of them are done with, and nothing that one of them needs', async () => {
    const clock = new FakeClock();
    const members = ids.map((id) => ({ id: replicaId(id), address: `sparse:${id}` }));
    const peers = new Map<number, OmnipaxosPeer>();
    const linkTo = (id: number): OmnipaxosLink => ({
      exchange: memoryDuplex<Exchange>({
        accept: (stream) => peers.get(id)!.accept(stream),
        carry: (_way, _freight, arrive) => void clock.timer(1, arrive),
      }),
    });
    for (const me of ids) {
      const roster = new Roster({
        members,
        me: replicaId(me),
        clusterId,
        incarnation: incarnationOf(me),
        clock,
        introductions: 'none',
      });
      const links = new Map(ids.filter((id) => id !== me).map((id) => [replicaId(id), linkTo(id)]));
      const random = seededRandom(me);
      const journal = memoryJournal<never>();
      peers.set(me, new OmnipaxosPeer({ roster, links, journal, clock, random, electionTimeoutMs }));
    }
    const all = [...peers.values()];
    for (const peer of all) peer.start();
    const leader = () => all.find(({ leadership }) => leadership.kind === 'leading');
    await clock.runUntil(() => leader() !== undefined, 1000);
    for (const text of ['a', 'b', 'c']) leader()!.proposal(valueOf(text));
    await clock.runUntil(() => all.every(({ decidedEnd }) => decidedEnd === 3), 1000);
    const mins = () => all.map(({ roster, floor }) => [roster.done.min(), floor]);
    peers.get(2)!.done(2);
    peers.get(700)!.done(1);
    const later = clock.now() + 500;
    await clock.runUntil(() => clock.now() > later, 1000);
    expect(mins()).to.deep.equal([0, 1, 2].map(() => [0, 0]));
    peers.get(40)!.done(2);
    await clock.runUntil(() => all.every(({ floor }) => floor === 2), 1000);
    expect(mins()).to.deep.equal([0, 1, 2].map(() => [2, 2]));
    expect(all.map((peer) => textOf(peer.decided(2)!))).to.deep.equal(['c', 'c', 'c']);
    for (const peer of all) peer.close();
  });
});
