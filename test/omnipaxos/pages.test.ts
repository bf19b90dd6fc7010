import { expect } from 'chai';
import type { AcceptSync, Message, Promised } from '../../src/omnipaxos/messages.js';
import { acceptSyncOf, OmnipaxosMachine, prepareOf, promiseTo } from '../support/omnipaxos-machine.js';
import { ballotOf } from '../support/paxos-values.js';

const low = ballotOf(1, 1);
/** Of these one fills a page. */
const large = (tag: number): Uint8Array => new Uint8Array(700 * 1024).fill(tag);
const tagsOf = ({ values }: AcceptSync | Promised): (number | undefined)[] => values.map((value) => value[0]);

const leaderWith = (count: number): OmnipaxosMachine => {
  const leader = new OmnipaxosMachine();
  leader.elect();
  for (let tag = 1; tag <= count; tag += 1) leader.perform(leader.replica.propose([large(tag)]));
  leader.connect(2);
  return leader;
};
const promiseOf = (leader: OmnipaxosMachine, changes: Partial<Promised>): Promised => {
  const prepare = leader.sent(2, 'prepare').at(-1);
  if (prepare === undefined) throw new Error('no Prepare was sent');
  leader.discard();
  return promiseTo(prepare, changes);
};

describe('a log of OmniPaxos that is sent in pages', () => {
  it('comes page after page, each when the one before has come, and with what was proposed meanwhile', () => {
    const leader = leaderWith(3);
    const promise = promiseOf(leader, { accepted: undefined, acceptedEnd: 0 });
    leader.receive(2, promise);
    const received = (page: number, sync = promise.sync): Message => ({
      kind: 'page-received',
      ballot: promise.ballot,
      sync,
      page,
    });
    const pages = [...leader.sent(2, 'accept-sync')];
    leader.perform(leader.replica.propose([large(4)]));
    expect(leader.sent(2), 'it is not in step yet').to.deep.equal([]);
    for (const nothing of [received(1), received(0, promise.sync - 1)]) leader.receive(2, nothing);
    expect(leader.sent(2, 'accept-sync')).to.deep.equal([]);
    for (let page = 0; page < 3; page += 1) {
      leader.receive(2, received(page));
      leader.receive(2, received(page));
      pages.push(...leader.sent(2, 'accept-sync'));
    }
    expect(pages.map(({ page, first, last }) => [page, first, last])).to.deep.equal([
      [0, 0, false],
      [1, 1, false],
      [2, 2, false],
      [3, 3, true],
    ]);
    expect(pages.map(tagsOf)).to.deep.equal([[1], [2], [3], [4]]);
    leader.perform(leader.replica.propose([large(5)]));
    expect(leader.sent(2).map(({ kind }) => kind)).to.deep.equal(['accept-decide']);
  });

  it('is taken all at once, with the last page, and acknowledged only then', () => {
    const follower = new OmnipaxosMachine({ me: 2 }).connect(1);
    follower.receive(1, prepareOf(low, 1));
    follower.discard();
    follower.receive(1, acceptSyncOf(low, 1, 0, ['a', 'b'], { last: false }));
    expect(follower.sent(1)).to.deep.equal([{ kind: 'page-received', ballot: low, sync: 1, page: 0 }]);
    expect([follower.texts, follower.records.map(({ kind }) => kind)]).to.deep.equal([[], ['promise']]);
    follower.receive(1, acceptSyncOf(low, 1, 2, ['c'], { page: 1, decidedEnd: 2 }));
    expect(follower.sent(1)).to.deep.equal([{ kind: 'accepted', ballot: low, acceptedEnd: 3 }]);
    expect([follower.texts, follower.replica.log.decidedEnd]).to.deep.equal([['a', 'b', 'c'], 2]);
  });

  it('begins anew when the next page is below the floor by then', () => {
    const leader = leaderWith(3);
    const promise = promiseOf(leader, { accepted: undefined, acceptedEnd: 0 });
    leader.receive(2, promise);
    leader.receive(3, { kind: 'accepted', ballot: promise.ballot, acceptedEnd: 3 });
    leader.discard().replica.forgetBelow(2);
    leader.receive(2, { kind: 'page-received', ballot: promise.ballot, sync: promise.sync, page: 0 });
    expect(leader.sent(2).map(({ kind }) => kind)).to.deep.equal(['prepare']);
  });

  it('is not sent where it is held no more: the follower is told that it needs a snapshot', () => {
    const leader = leaderWith(3);
    leader.receive(3, { kind: 'accepted', ballot: low, acceptedEnd: 3 });
    leader.replica.forgetBelow(2);
    leader.receive(2, promiseOf(leader, { accepted: undefined, acceptedEnd: 0 }));
    expect(leader.sent(2)).to.deep.equal([{ kind: 'behind', ballot: low, floor: 2 }]);
    leader.perform(leader.replica.propose([large(4)]));
    for (let ticks = 0; ticks < 10; ticks += 1) leader.tick();
    expect(leader.sent(2, 'accept-decide')).to.deep.equal([]);
    leader.receive(2, { kind: 'prepare-request', promised: low });
    expect(leader.sent(2, 'prepare')).to.have.length(1);
  });

  it('comes to an end when the follower holds more than its leader, by a snapshot that others gave it', () => {
    const leader = leaderWith(1);
    leader.receive(2, promiseOf(leader, { accepted: low, acceptedEnd: 9, decidedEnd: 9, floor: 9 }));
    expect(leader.sent(2, 'accept-sync').map(({ last, values }) => [last, values])).to.deep.equal([
      [true, []],
    ]);
  });

  it('is told to a new leader in pages, which counts as a promise with the last of them', () => {
    const follower = new OmnipaxosMachine({ me: 2 }).connect(1, 3);
    follower.receive(1, prepareOf(low, 1));
    follower.receive(1, acceptSyncOf(low, 1, 0, [], { values: [large(1), large(2), large(3)] }));
    const higher = ballotOf(2, 3);
    const leader = new OmnipaxosMachine({ me: 3, log: { promised: low } }).connect(2);
    leader.round({ 1: {}, 2: {} });
    const [prepare] = leader.sent(2, 'prepare');
    expect(prepare?.ballot).to.deep.equal(higher);
    follower.receive(3, prepare!);
    const pages = follower.sent(3, 'promise');
    expect(pages.map(({ page, first, last }) => [page, first, last])).to.deep.equal([
      [0, 0, false],
      [1, 1, false],
      [2, 2, true],
    ]);
    leader.receive(2, pages[0]!);
    leader.receive(2, pages[2]!);
    leader.receive(2, pages[0]!);
    leader.receive(2, pages[1]!);
    expect(leader.replica.phase.kind).to.equal('preparing');
    leader.receive(2, pages[2]!);
    expect(leader.replica.phase.kind).to.equal('leading');
    expect(leader.replica.log.acceptedEnd).to.equal(3);
    expect(leader.replica.log.entries.at(2)?.[0]).to.equal(3);
  });
});
