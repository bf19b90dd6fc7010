import { expect } from 'chai';
import fc from 'fast-check';
import { headerFromWire, headerToWire } from '../../src/log/header-wire.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import {
  heardLog,
  PeerRefusal,
  Roster,
  unheardLog,
  type PeerLog,
  type RecordedPeers,
  type RefusalCause,
} from '../../src/log/roster.js';
import { FakeClock } from '../support/fake-clock.js';
import { thrown } from '../support/rejection.js';
import {
  clusterId,
  doneEntry,
  headerBetween,
  headerOf,
  incarnationOf,
  rosterOf,
} from '../support/rosters.js';

const two = replicaId(2);
const three = replicaId(3);

describe('the roster', () => {
  let clock: FakeClock;
  let roster: Roster;

  beforeEach(() => {
    clock = new FakeClock();
    roster = rosterOf(1, 3, clock);
  });

  const refused = (header: ReturnType<typeof headerOf>, cause: RefusalCause): PeerRefusal => {
    const before = roster.refusals.get(cause) ?? 0;
    const refusal = thrown(() => roster.admit(header), PeerRefusal);
    expect(refusal.refusal).to.equal(cause);
    expect(roster.refusals.get(cause)).to.equal(before + 1);
    return refusal;
  };

  it('knows who the others are and what a majority of all is', () => {
    expect(roster.peers).to.deep.equal([two, three]);
    expect([1, 2, 3, 4, 5, 6, 7].map((count) => rosterOf(1, count).majority)).to.deep.equal([
      1, 2, 2, 3, 3, 4, 4,
    ]);
  });

  it('writes headers that the receiver admits', () => {
    const other = rosterOf(2, 3);
    const { header } = other.envelope(replicaId(1), 'body');
    expect(header).to.deep.equal(headerOf());
    expect(() => roster.admit(headerFromWire(headerToWire(header)))).to.not.throw();
    expect(roster.refusals.size).to.equal(0);
  });

  it('refuses another cluster, naming both', () => {
    const { message } = refused(headerOf({ clusterId: 'another' }), 'wrong-cluster');
    expect(message).to.include('another').and.to.include(clusterId);
  });

  it('refuses what is meant for another replica', () => {
    const { message } = refused(headerOf({ to: three }), 'wrong-receiver');
    expect(message).to.include('replica 3').and.to.include('replica 1');
  });

  it('refuses a sender that is no member', () => {
    const { message } = refused(headerBetween(9, 1), 'unknown-sender');
    expect(message).to.include('replica 9');
  });

  it('refuses a sender that claims to be this replica', () => {
    refused(headerOf({ from: replicaId(1), incarnation: incarnationOf(1) }), 'unknown-sender');
  });

  it('refuses another version of the protocol', () => {
    refused(headerOf({ protocolVersion: 2 }), 'garbled');
  });

  it('refuses an id that comes back as another process, every time, and goes on with the first', () => {
    roster.admit(headerOf());
    const changed = headerOf({ incarnation: incarnation('another-process') });
    const { message } = refused(changed, 'changed-incarnation');
    expect(message).to.include('another-process').and.to.include('process-2');
    refused(changed, 'changed-incarnation');
    expect(() => roster.admit(headerOf())).to.not.throw();
    expect(roster.peer(two).incarnation).to.equal('process-2');
  });

  it('takes nothing in from what it refuses', () => {
    roster.admit(headerOf());
    clock.advance(100);
    const lies = [doneEntry(1, 50), doneEntry(2, 50), doneEntry(3, 50)];
    for (const changes of [
      { clusterId: 'another' },
      { to: three },
      { from: replicaId(9) },
      { protocolVersion: 2 },
      { incarnation: incarnation('another-process') },
    ]) {
      thrown(() => roster.admit(headerOf({ done: lies, ...changes })), PeerRefusal);
    }
    expect(roster.done.entries()).to.deep.equal([]);
    expect(roster.peer(two).heardMsAgo).to.equal(100);
  });

  it('keeps the text of the last refusal of a peer until a message of it is admitted', () => {
    refused(headerOf({ clusterId: 'another' }), 'wrong-cluster');
    expect(roster.peer(two).refusal).to.include('another');
    expect(roster.peer(three).refusal).to.equal('');
    roster.admit(headerOf());
    expect(roster.peer(two).refusal).to.equal('');
    roster.refusedBy(two, 'it does not like us');
    expect(roster.peer(two).refusal).to.equal('refused by replica 2: it does not like us');
  });

  it('tells of a refusal once while it stays the same', () => {
    const told: string[] = [];
    roster = rosterOf(1, 3, undefined, 'none', (message) => told.push(message));
    for (const clusterId of ['another', 'another', 'a third'])
      refused(headerOf({ clusterId }), 'wrong-cluster');
    for (const from of [8, 8]) refused(headerOf({ from: replicaId(from) }), 'unknown-sender');
    expect(told.map((message) => /another|a third|replica 8/.exec(message)?.[0])).to.deep.equal([
      'another',
      'a third',
      'replica 8',
    ]);
  });

  it('counts refusals by their cause', () => {
    roster.refuse('garbled', 'no header');
    roster.refuse('garbled', 'no ballot', two);
    roster.refuse('wrong-cluster', 'another', two);
    expect([...roster.refusals]).to.deep.equal([
      ['garbled', 2],
      ['wrong-cluster', 1],
    ]);
  });

  it('takes in the Done values of all, also those that were passed on', () => {
    roster.admit(headerOf({ done: [doneEntry(2, 4), doneEntry(3, 2)] }));
    roster.admit(headerOf({ done: [doneEntry(2, 4), doneEntry(3, 1)] }));
    expect(roster.done.throughOf(two)).to.equal(4);
    expect(roster.done.throughOf(three)).to.equal(2);
    expect(roster.done.min()).to.equal(0);
    roster.done.merge(doneEntry(1, 3));
    expect(roster.done.min()).to.equal(3);
  });

  it('passes all Done values on, its own included', () => {
    roster.admit(headerOf({ done: [doneEntry(2, 4)] }));
    roster.done.merge(doneEntry(1, 3));
    expect(roster.envelope(three, 'body').header.done).to.deep.equal([doneEntry(2, 4), doneEntry(1, 3)]);
  });

  it('ignores what is passed on about a process that it does not know by that id', () => {
    roster.admit(headerBetween(3, 1));
    const stranger = { ...doneEntry(3, 50), incarnation: incarnation('another-process') };
    roster.admit(headerOf({ done: [stranger] }));
    expect(roster.done.throughOf(three)).to.equal(undefined);
  });

  it('takes nobody else at his word on what it is done with itself', () => {
    roster.done.merge(doneEntry(1, 3));
    roster.admit(headerOf({ done: [doneEntry(1, 50)] }));
    expect(roster.done.throughOf(replicaId(1))).to.equal(3);
  });

  it('ignores what an earlier process of its own id was done with', () => {
    const earlier = { ...doneEntry(1, 50), incarnation: incarnation('earlier-process') };
    roster.admit(headerOf({ done: [earlier] }));
    expect(roster.done.throughOf(replicaId(1))).to.equal(undefined);
  });

  describe('where peers must introduce themselves', () => {
    beforeEach(() => {
      roster = rosterOf(1, 3, clock, 'required');
    });

    it('refuses what comes before the introduction, and takes nothing in from it', () => {
      const refusal = thrown(() => roster.admit(headerOf({ done: [doneEntry(2, 4)] })), PeerRefusal);
      expect(refusal.refusal).to.equal('not-introduced');
      expect(roster.done.entries()).to.deep.equal([]);
      expect(roster.peer(two)).to.deep.include({ introduced: false, heardMsAgo: undefined });
    });

    it('admits what comes after it, from that peer alone', () => {
      roster.introduce(headerOf({ done: [doneEntry(2, 4)] }), undefined);
      expect(roster.done.throughOf(two)).to.equal(4);
      roster.admit(headerOf({ done: [doneEntry(2, 5)] }));
      expect(roster.done.throughOf(two)).to.equal(5);
      expect(roster.peer(two)).to.deep.include({ introduced: true, incarnation: 'process-2' });
      thrown(() => roster.admit(headerBetween(3, 1)), PeerRefusal);
    });

    it('refuses a peer of another identity, every message of it, until it is ours', () => {
      roster.introduce(headerOf(), undefined);
      const { refusal, message } = thrown(() => roster.introduce(headerOf(), 'other members'), PeerRefusal);
      expect({ refusal, message }).to.deep.equal({
        refusal: 'different-identity',
        message: 'other members',
      });
      expect(roster.refusals.get('different-identity')).to.equal(1);
      expect(roster.peer(two).refusal).to.equal('other members');
      thrown(() => roster.admit(headerOf()), PeerRefusal);
      roster.introduce(headerOf(), undefined);
      expect(() => roster.admit(headerOf())).to.not.throw();
    });

    it('judges the header of an introduction like any other', () => {
      thrown(() => roster.introduce(headerOf({ clusterId: 'another' }), undefined), PeerRefusal);
      expect(roster.refusals.get('wrong-cluster')).to.equal(1);
      expect(roster.peer(two).introduced).to.equal(false);
    });
  });

  describe('over restarts', () => {
    const log = (bootCounter: number, durableLsn: number, earlierDurableLsn: number): PeerLog => ({
      bootCounter,
      durableLsn,
      earlierDurableLsn,
    });
    const told = (bootCounter: number, durableLsn: number) => headerOf({ bootCounter, durableLsn });
    const restarted = (recorded: RecordedPeers): Roster =>
      new Roster({
        members: roster.members,
        me: roster.me,
        clusterId,
        incarnation: roster.incarnation,
        clock,
        introductions: 'none',
        recorded,
      });

    it('keeps the highest end of a log that a peer has told in this start, and in all earlier ones', () => {
      for (const [bootCounter, durableLsn, expected] of [
        [2, 10, log(2, 10, 0)],
        [2, 8, log(2, 10, 0)],
        [2, 15, log(2, 15, 0)],
        [3, 12, log(3, 12, 15)],
        [2, 99, log(3, 12, 15)],
        [3, 13, log(3, 13, 15)],
        [5, 20, log(5, 20, 15)],
        [6, 1, log(6, 1, 20)],
      ] as const) {
        roster.admit(told(bootCounter, durableLsn));
        roster.pinned(two);
        expect(roster.pins()[0]?.log, `start ${bootCounter}, frame ${durableLsn}`).to.deep.equal(expected);
      }
    });

    it('comes to the same in whatever order the messages of one start arrive', () => {
      fc.assert(
        fc.property(fc.array(fc.nat({ max: 50 }), { minLength: 1 }), (lsns) => {
          const known = lsns.reduce((before, lsn) => heardLog(before, 1, lsn), unheardLog);
          expect(known).to.deep.equal(log(1, Math.max(...lsns), 0));
        }),
      );
    });

    it('has nobody on record before it was said, and asks for it once', () => {
      expect(roster.toPin(two)).to.equal(undefined);
      roster.admit(headerOf());
      expect(roster.pins()).to.deep.equal([]);
      expect(roster.toPin(two)).to.equal(incarnationOf(2));
      roster.pinned(two);
      expect(roster.toPin(two)).to.equal(undefined);
      expect(roster.pins()).to.deep.equal([
        { replica: two, incarnation: incarnationOf(2), log: log(0, 0, 0) },
      ]);
    });

    it('refuses another incarnation of whom it had on record when it stopped', () => {
      const pins = [{ replica: two, incarnation: incarnation('the-first'), log: log(1, 5, 0) }];
      roster = restarted({ pins, done: [] });
      const { message } = refused(headerOf(), 'changed-incarnation');
      expect(message).to.include('the-first').and.to.include('process-2');
      roster.admit(headerOf({ incarnation: incarnation('the-first'), bootCounter: 2, durableLsn: 3 }));
      expect(roster.pins()[0]?.log).to.deep.equal(log(2, 3, 5));
    });

    it('takes up what others were done with, but not what an earlier start of its own was', () => {
      roster = restarted({ pins: [], done: [doneEntry(1, 9), doneEntry(2, 4), doneEntry(3, 6)] });
      expect([1, 2, 3].map((id) => roster.done.throughOf(replicaId(id)))).to.deep.equal([undefined, 4, 6]);
      expect(roster.done.min()).to.equal(0);
    });

    it('tells its boot counter and the end of its own log with every message', () => {
      let end = 7;
      roster = new Roster({
        members: roster.members,
        me: roster.me,
        clusterId,
        incarnation: roster.incarnation,
        bootCounter: 3,
        durableLsn: () => end,
        clock,
        introductions: 'none',
      });
      expect(roster.envelope(two, 'body').header).to.deep.include({ bootCounter: 3, durableLsn: 7 });
      end = 8;
      expect(roster.envelope(two, 'body').header.durableLsn).to.equal(8);
    });
  });

  it('knows how far each peer has learned, as it said last', () => {
    expect(roster.peer(two).learnedThrough).to.equal(undefined);
    roster.admit(headerOf({ learnedThrough: 7 }));
    expect(roster.peer(two).learnedThrough).to.equal(7);
    expect(roster.peer(three).learnedThrough).to.equal(undefined);
  });

  it('knows the address of every member, and of nobody else', () => {
    expect(roster.addressOf(three)).to.equal('127.0.0.1:8003');
    expect(thrown(() => roster.addressOf(replicaId(9)), RangeError).message).to.include('9');
  });

  it('knows when it last heard of whom', () => {
    expect(roster.peer(two).heardMsAgo).to.equal(undefined);
    expect(roster.heardWithin(1000)).to.equal(1);
    roster.admit(headerOf());
    clock.advance(600);
    roster.admit(headerBetween(3, 1));
    expect(roster.peer(two).heardMsAgo).to.equal(600);
    expect(roster.peer(three).heardMsAgo).to.equal(0);
    expect(roster.heardWithin(1000)).to.equal(3);
    expect(roster.heardWithin(599)).to.equal(2);
    clock.advance(1000);
    expect(roster.heardWithin(1000)).to.equal(2);
    expect(roster.heardWithin(999)).to.equal(1);
  });
});
