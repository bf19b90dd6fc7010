import { expect } from 'chai';
import { decodeBatch } from '../../src/log/wire.js';
import { emptyLog, type LogState } from '../../src/omnipaxos/accepted-log.js';
import { outcome } from '../support/call-outcome.js';
import { acceptDecideOf, prepareOf } from '../support/omnipaxos-machine.js';
import { batches, electionTimeoutMs, OmnipaxosLogWorld } from '../support/omnipaxos-on-peer.js';
import { ballotOf, textOf, valueOf } from '../support/paxos-values.js';
import { rejection } from '../support/rejection.js';

const never = () => new AbortController().signal;
const ballot = ballotOf(5, 2);

describe('the log on OmniPaxos without space on its disk', () => {
  let world: OmnipaxosLogWorld;

  beforeEach(() => {
    world = new OmnipaxosLogWorld();
  });
  afterEach(async () => {
    await world.log.close();
    expect(world.failures).to.deep.equal([]);
  });

  const propose = (text: string) => outcome(world.log.propose(valueOf(text), never()));
  const stopVotes = () => {
    for (const { answers } of world.remotes) answers.values = false;
  };
  const commandsSent = () =>
    world.two
      .of('accept-decide')
      .flatMap(({ values }) => values.map((value) => decodeBatch(value).commands.map(textOf).join(' ')));

  it('refuses writes before queueing them, reads on, and takes writes again when there is space', async () => {
    await world.lead();
    stopVotes();
    const underWay = propose('a');
    await world.settle();
    world.journal.hasSpace = false;
    const refused = propose('b');
    await world.settle();
    expect([refused(), world.log.status().queuedCommands]).to.deep.equal(['no-space', 0]);
    world.two.say({ kind: 'accepted', ballot: ballotOf(1, 1), acceptedEnd: 1 });
    await world.settle();
    expect(underWay(), 'what is decided is learned and applied').to.equal('a at 0');
    const read = outcome(world.log.readBarrier(never()));
    await world.settle();
    expect(read()).to.equal('passed');
    expect(commandsSent()).to.deep.equal(['a']);
    world.journal.hasSpace = true;
    for (const { answers } of world.remotes) answers.values = true;
    const again = propose('c');
    await world.settle();
    expect(again()).to.equal('c at 1');
  });

  it('refuses what is queued when its turn comes', async () => {
    await world.lead();
    stopVotes();
    for (const text of ['a', 'b', 'c', 'd']) {
      propose(text);
      await world.settle();
    }
    const queued = propose('queued');
    await world.settle();
    world.journal.hasSpace = false;
    const late = propose('late');
    await world.settle();
    expect([queued(), late()], 'refused before queueing').to.deep.equal(['waits', 'no-space']);
    world.two.say({ kind: 'accepted', ballot: ballotOf(1, 1), acceptedEnd: 1 });
    await world.settle();
    expect(queued()).to.equal('no-space');
    expect(commandsSent()).to.deep.equal(['a', 'b', 'c', 'd']);
  });

  it('offers itself to nobody as a leader, but follows, and learns what it holds', async () => {
    await world.follow(2, 0);
    world.journal.hasSpace = false;
    const appends = world.journal.appended.length;
    world.two.say(acceptDecideOf(ballot, 1, 1, 2, [], 2));
    await world.settle();
    expect(world.log.applied).to.equal(1);
    world.two.say(acceptDecideOf(ballot, 1, 2, 2, ['x'], 2));
    world.three.say(prepareOf(ballotOf(6, 3), 1));
    await world.settle();
    const kinds = world.journal.appended.slice(appends).flatMap(({ records }) => records);
    expect(kinds.map(({ kind }) => kind)).to.deep.equal(['decided']);
    expect(world.two.of('accepted')).to.have.length(1);
    expect(world.three.of('promise')).to.deep.equal([]);
    world.two.answers.heartbeats = false;
    await world.afterMs(5 * electionTimeoutMs);
    expect(world.peer.leadership.kind).to.equal('following');
    expect(world.three.of('prepare')).to.deep.equal([]);
    world.journal.hasSpace = true;
    await world.afterMs(5 * electionTimeoutMs);
    expect(world.peer.leadership.kind).to.equal('leading');
  });
});

describe('a snapshot installed into the log on OmniPaxos', () => {
  let world: OmnipaxosLogWorld;

  beforeEach(() => {
    world = new OmnipaxosLogWorld();
  });
  afterEach(async () => {
    await world.log.close();
    expect(world.failures).to.deep.equal([]);
  });

  const propose = (text: string) => outcome(world.log.propose(valueOf(text), never()));
  const stopVotes = () => {
    for (const { answers } of world.remotes) answers.values = false;
  };

  it('takes the place of the state in one turn once its floor is on disk, and what follows is applied', async () => {
    await world.follow(8, 2);
    const seen: unknown[] = [];
    world.syncs = false;
    void world.log.install(5, () => seen.push([world.log.applied, world.peer.floor]));
    await world.settle();
    expect(seen).to.deep.equal([]);
    world.syncs = true;
    await world.settle();
    expect(seen).to.deep.equal([[1, 6]]);
    expect(world.log.applied).to.equal(5);
    expect([world.peer.decidedEnd, world.peer.acceptedEnd]).to.deep.equal([6, 8]);
    world.two.say(acceptDecideOf(ballot, 1, 1, 8, [], 8));
    await world.settle();
    expect(world.applied.slice(-2)).to.deep.equal(['6 command 6', '7 command 7']);
  });

  it('beyond the end of the log brings it to ask its leader where to go on', async () => {
    await world.follow(2, 2);
    await Promise.all([world.log.install(9, () => undefined), world.settle()]);
    expect([world.log.applied, world.peer.floor, world.peer.acceptedEnd]).to.deep.equal([9, 10, 10]);
    expect(world.two.of('prepare-request')).to.deep.equal([{ kind: 'prepare-request', promised: ballot }]);
  });

  it('does nothing if that much is applied already', async () => {
    await world.follow(3, 3);
    await world.log.install(2, () => expect.fail('installed'));
    expect(world.peer.floor).to.equal(0);
  });

  it('answers what was under way from what the state has recorded, or with its outcome unknown', async () => {
    await world.lead();
    stopVotes();
    const calls = [propose('a')];
    await world.settle();
    calls.push(propose('b'));
    await world.settle();
    world.recorded.set('a', 'a as recorded');
    await Promise.all([world.log.install(1, () => undefined), world.settle()]);
    await world.settle();
    expect(calls.map((call) => call())).to.deep.equal(['a as recorded', 'unknown proposed']);
    expect(world.applied).to.deep.equal([]);
  });

  it('is asked for when a leader no longer holds what is missing here, and asked for a Prepare with it', async () => {
    world.peer.start();
    await world.settle();
    world.two.say(prepareOf(ballot, 1));
    await world.settle();
    world.two.say({ kind: 'behind', ballot, floor: 7 });
    await world.settle();
    expect(world.behind).to.deep.equal([[2, 7]]);
    await Promise.all([world.log.install(6, () => undefined), world.settle()]);
    await world.afterMs(electionTimeoutMs);
    expect(world.two.of('prepare-request')).to.have.length.above(0);
    world.two.say(prepareOf(ballot, 2));
    await world.settle();
    expect(world.two.of('promise').at(-1)).to.deep.include({ acceptedEnd: 7, decidedEnd: 7, floor: 7 });
  });

  it('stops the replica if it cannot be taken in', async () => {
    const other = new OmnipaxosLogWorld();
    const failure = new Error('the state is not what it said');
    other.peer.start();
    await Promise.all([
      other.log.install(3, () => {
        throw failure;
      }),
      other.settle(),
    ]);
    expect(other.failures).to.deep.equal([failure]);
  });
});

describe('what the log on OmniPaxos is done with', () => {
  let world: OmnipaxosLogWorld;

  beforeEach(() => {
    world = new OmnipaxosLogWorld();
  });
  afterEach(async () => {
    await world.log.close();
    expect(world.failures).to.deep.equal([]);
  });

  it('is done with what is applied only when it could be applied again from disk', async () => {
    await world.follow(3, 0);
    const done = () => world.peer.roster.done.throughOf(world.peer.roster.me);
    world.syncs = false;
    world.two.say(acceptDecideOf(ballot, 1, 1, 3, [], 3));
    await world.settle();
    expect([world.log.applied, done()]).to.deep.equal([2, undefined]);
    world.syncs = true;
    await world.settle();
    expect(done()).to.equal(2);
  });

  it('cuts what is applied and no more', async () => {
    await world.follow(5, 4);
    expect((await rejection(world.log.cut(4), RangeError)).message)
      .to.include('slot 4')
      .and.include('through 3');
    await Promise.all([world.log.cut(1), world.settle()]);
    expect(world.log.status()).to.deep.include({ floor: 2, held: 3, applied: 3, max: 4 });
  });
});

describe('the log on OmniPaxos after a restart', () => {
  const revived = (log: Partial<LogState>, unapplied = new Map<number, Uint8Array>(), through?: number) =>
    new OmnipaxosLogWorld({
      peer: { recovered: { log: { ...emptyLog, ...log }, unapplied, missingThrough: undefined } },
      log: through === undefined ? {} : { recoveredThrough: through },
    });
  const settledReplay = async (world: OmnipaxosLogWorld): Promise<void> => {
    const replay = { isOver: false };
    void world.log.replay().then(() => (replay.isOver = true));
    for (let turn = 0; !replay.isOver && turn < 50; turn += 1) await world.afterMs(10);
    expect(replay.isOver).to.equal(true);
  };

  it('applies nothing before it is told to, and then all that is decided above its snapshot', async () => {
    const values = batches(4, 7);
    const below = new Map(batches(2, 3).map((value, index) => [2 + index, value]));
    const world = revived({ floor: 4, values, decidedEnd: 7, promised: ballot, accepted: ballot }, below, 1);
    await world.afterMs(50);
    expect([world.log.applied, world.applied]).to.deep.equal([1, []]);
    await settledReplay(world);
    expect(world.applied.map((line) => line.split(' ')[0])).to.deep.equal(['2', '3', '4', '5', '6']);
    expect(world.log.reach).to.equal(7);
    await world.log.close();
  });

  it('raises its floor above a snapshot whose slots its log does not know decided', async () => {
    const world = revived(
      { values: batches(0, 1), decidedEnd: 2, promised: ballot, accepted: ballot },
      undefined,
      4,
    );
    await settledReplay(world);
    expect([world.log.applied, world.peer.floor, world.peer.acceptedEnd]).to.deep.equal([4, 5, 5]);
    expect(world.journal.records).to.deep.equal([{ kind: 'floor', floor: 5 }]);
    await world.log.close();
  });

  it('waits for a snapshot where it has forgotten more than it can apply', async () => {
    const world = revived({
      floor: 4,
      values: batches(4, 5),
      decidedEnd: 6,
      promised: ballot,
      accepted: ballot,
    });
    await settledReplay(world);
    expect([world.log.applied, world.applied]).to.deep.equal([undefined, []]);
    await Promise.all([world.log.install(3, () => undefined), world.settle()]);
    expect(world.log.applied).to.equal(5);
    await world.log.close();
  });
});
