import { expect } from 'chai';
import { LogError } from '../../src/log/errors.js';
import { replicaId } from '../../src/log/ids.js';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { batchOf, decisionOf, decisions, logOnPeer, type LogOnPeer } from '../support/log-on-peer.js';
import { valueOf } from '../support/paxos-values.js';
import { agreeToAll, fromTwo } from '../support/peer-world.js';
import { rejection } from '../support/rejection.js';

const two = replicaId(2);
const three = replicaId(3);
const never = () => new AbortController().signal;

/** How a call came out: its result, or the kind of its failure and the reason if it has one. */
const outcome = (call: Promise<string>): Promise<string> =>
  call.catch((error: unknown) => {
    if (!(error instanceof LogError)) return String(error);
    const { failure } = error;
    return failure.kind === 'refused' ? failure.reason : failure.kind;
  });
const decide = async ({ peer }: LogOnPeer, first: number, last: number): Promise<void> => {
  for (const decision of decisions(first, last)) await peer.handleDecide(fromTwo(decision));
};
const doneThrough = ({ peer }: LogOnPeer) => peer.roster.done.throughOf(peer.roster.me);

describe('what the log on Paxos is done with', () => {
  it('is applied, and could be applied again from disk', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const on = logOnPeer({ journal });
    await decide(on, 0, 2);
    expect(on.log.applied).to.equal(2);
    expect(doneThrough(on)).to.equal(undefined);
    journal.appended[0]!.resolve();
    journal.appended[2]!.resolve();
    await turns();
    expect(doneThrough(on), 'a gap among what is synced').to.equal(0);
    journal.sync();
    await turns();
    expect(doneThrough(on)).to.equal(2);
  });

  it('follows what is applied when decisions are synced out of order', async () => {
    const on = logOnPeer();
    await decide(on, 1, 2);
    await turns();
    expect(doneThrough(on)).to.equal(undefined);
    await decide(on, 0, 0);
    await turns();
    expect(doneThrough(on)).to.equal(2);
  });
});

describe('a cut of the log on Paxos', () => {
  it('forgets what is applied, and no more', async () => {
    const on = logOnPeer();
    await decide(on, 0, 4);
    await on.log.cut(2);
    expect(on.log.status()).to.deep.include({ min: 0, floor: 3, held: 2, applied: 4 });
    const error = await rejection(on.log.cut(5), RangeError);
    expect(error.message).to.include('slot 5').and.include('through 4');
    expect(on.log.status().heldBytes).to.equal(
      decisions(3, 4).reduce((sum, { value }) => sum + value.length, 0),
    );
  });
});

const nothing: RecoveredPaxos = {
  floor: 0,
  floorToRecord: undefined,
  highestRound: 0,
  instances: new Map(),
  unapplied: new Map(),
  silent: undefined,
  missingThrough: undefined,
};

describe('a snapshot installed into the log on Paxos', () => {
  let on: LogOnPeer;
  let journal: HeldJournal<PaxosRecord>;

  beforeEach(() => {
    journal = new HeldJournal();
    on = logOnPeer({ journal });
    for (const { answers } of on.others) answers.prepare = () => 'lost';
  });
  const synced = async () => {
    journal.sync();
    await turns();
  };

  it('waits for its floor to be on disk, and then takes the place of the state in one turn', async () => {
    await decide(on, 0, 1);
    await decide(on, 5, 7);
    await synced();
    const seen: unknown[] = [];
    void on.log.install(5, () => seen.push([on.log.applied, on.peer.floor]));
    await turns();
    expect(seen).to.deep.equal([]);
    await synced();
    expect(seen).to.deep.equal([[1, 6]]);
    expect(on.log.applied, 'what is decided above follows').to.equal(7);
    expect(on.applied.slice(-2)).to.deep.equal(['6 command 6', '7 command 7']);
    expect(doneThrough(on)).to.equal(7);
  });

  it('does nothing if that much is applied already, or is by the time its floor is on disk', async () => {
    await decide(on, 0, 4);
    await on.log.install(4, () => expect.fail('installed'));
    let installed = false;
    void on.log.install(5, () => (installed = true));
    await decide(on, 5, 5);
    await synced();
    expect([installed, on.log.applied, on.peer.floor]).to.deep.equal([false, 5, 6]);
  });

  it('answers what was under way from what the state has recorded, or with an unknown outcome', async () => {
    const first = outcome(on.log.propose(valueOf('a'), never()));
    const second = outcome(on.log.propose(valueOf('b'), never()));
    await synced();
    on.recorded.set('a', 'a as recorded');
    void on.log.install(3, () => undefined);
    await synced();
    expect(await first).to.equal('a as recorded');
    agreeToAll(on);
    for (let count = 0; count < 20; count += 1) {
      await on.afterMs(100);
      journal.sync();
    }
    expect(await second, 'queued, so it goes on').to.equal('b at 4');
    expect(on.applied, 'what was under way is not proposed again').to.deep.equal(['4 b']);
    for (const { answers } of on.others) answers.prepare = () => 'lost';
    const third = outcome(on.log.propose(valueOf('c'), never()));
    await turns();
    void on.log.install(5, () => undefined);
    await synced();
    expect(await third).to.equal('outcome-unknown');
  });

  it('leaves a batch alone that is proposed above it', async () => {
    await decide(on, 7, 7);
    const above = outcome(on.log.propose(valueOf('a'), never()));
    await synced();
    void on.log.install(7, () => undefined);
    await synced();
    agreeToAll(on);
    for (let count = 0; count < 20; count += 1) {
      await on.afterMs(100);
      journal.sync();
    }
    expect(await above).to.equal('a at 8');
  });

  it('lets whoever waits for room go on, where the log has been forgotten', async () => {
    await on.log.close();
    const recovered: RecoveredPaxos = { ...nothing, floor: 100, missingThrough: 99 };
    on = logOnPeer({ peer: { recovered } });
    agreeToAll(on);
    await on.log.replay();
    expect(on.log.applied).to.equal(undefined);
    const waits = outcome(on.log.propose(valueOf('a'), never()));
    await on.afterMs(300);
    expect(on.two.prepares).to.deep.equal([]);
    await on.log.install(99, () => undefined);
    await on.afterMs(300);
    expect(await waits).to.equal('a at 100');
  });

  it('stops the replica if it cannot be taken in', async () => {
    const failure = new Error('the state is not what it said');
    void on.log.install(3, () => {
      throw failure;
    });
    await synced();
    expect(on.failures).to.deep.equal([failure]);
    expect(await outcome(on.log.propose(valueOf('late'), never()))).to.equal('closed');
  });
});

describe('the log on Paxos without space', () => {
  it('refuses writes before queueing them, and those that are queued', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const on = logOnPeer({ journal });
    const underWay = outcome(on.log.propose(valueOf('a'), never()));
    const queued = outcome(on.log.propose(valueOf('b'), never()));
    await turns();
    journal.hasSpace = false;
    expect(await outcome(on.log.propose(valueOf('c'), never()))).to.equal('no-space');
    expect(on.log.status().queuedCommands).to.equal(1);
    on.log.spaceVanished();
    expect(await queued).to.equal('no-space');
    await on.peer.handleDecide(fromTwo(decisionOf(0, batchOf(1, 1, 'a'))));
    expect(await underWay).to.equal('a at 0');
  });

  it('refuses what waits when its turn comes, and moves nothing to another slot', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const on = logOnPeer({ journal });
    const moved = outcome(on.log.propose(valueOf('a'), never()));
    const queued = outcome(on.log.propose(valueOf('b'), never()));
    await turns();
    journal.hasSpace = false;
    await on.peer.handleDecide(fromTwo(decisionOf(0, batchOf(2, 1, 'theirs'))));
    expect([await moved, await queued]).to.deep.equal(['no-space', 'no-space']);
    expect(on.applied).to.deep.equal(['0 theirs']);
    expect(on.peer.openInstances()).to.deep.equal([]);
  });

  it('answers barriers all the same', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    journal.hasSpace = false;
    const on = logOnPeer({ journal });
    await decide(on, 0, 2);
    on.two.answers.reach = () => ({ reach: 2 });
    await on.log.readBarrier(never());
    expect(on.log.applied).to.equal(2);
  });
});

describe('the log on Paxos whose peers have forgotten', () => {
  it('tells of the peer that is asked to learn, and takes what that still has', async () => {
    const heard: unknown[] = [];
    const on = logOnPeer({ log: { behind: (...told) => heard.push(told) } });
    on.two.answers.learn = ({ firstSlot, lastSlot }) => ({
      decided: decisions(10, 19)
        .filter(({ slot }) => slot >= firstSlot && slot <= lastSlot)
        .slice(0, 5),
      behind: firstSlot < 10 ? { kind: 'behind', floor: 10 } : undefined,
    });
    on.log.heardReach(two, 19);
    await turns();
    expect(heard).to.deep.equal([[2, 0, 10]]);
    expect(on.peer.status(19)).to.deep.include({ kind: 'decided' });
    expect(on.two.learns).to.deep.equal([
      { firstSlot: 0, lastSlot: 19 },
      { firstSlot: 15, lastSlot: 19 },
    ]);
    on.log.heardReach(two, 19);
    await turns();
    expect(heard, 'as long as it is wanted').to.have.length(2);
    expect(on.two.learns.slice(2), 'but not the whole page again').to.deep.equal([
      { firstSlot: 0, lastSlot: 0 },
    ]);
  });

  it('starts no no-ops below a floor that a peer has told, and does above', async () => {
    const on = logOnPeer();
    agreeToAll(on);
    on.two.answers.learn = () => ({ decided: [], behind: { kind: 'behind', floor: 10 } });
    on.log.heardReach(two, 12);
    await on.afterMs(1000);
    const proposed = [...new Set(on.two.prepares.map(({ slot }) => slot))];
    expect(proposed).to.deep.equal([10, 11, 12]);
    expect(on.log.applied).to.equal(undefined);
  });

  it('learns from another peer what one has forgotten', async () => {
    const on = logOnPeer();
    on.two.answers.learn = () => ({ decided: [], behind: { kind: 'behind', floor: 10 } });
    on.three.answers.learn = ({ firstSlot }) => ({ decided: decisions(firstSlot, 9), behind: undefined });
    on.log.heardReach(two, 9);
    await turns();
    on.log.heardReach(three, 9);
    await turns();
    expect(on.log.applied).to.equal(9);
  });
});

describe('a read behind the barrier of the log on Paxos', () => {
  let on: LogOnPeer;
  beforeEach(() => {
    on = logOnPeer();
    agreeToAll(on);
    on.three.answers.reach = () => 'lost';
  });

  it('is let through at once when everything is applied', async () => {
    await decide(on, 0, 4);
    on.two.answers.reach = () => ({ reach: 4 });
    await on.log.readBarrier(never());
    expect(on.log.applied).to.equal(4);
    expect(on.clock.now()).to.equal(0);
  });

  it('learns at once what a peer is known to have, and proposes nothing for it', async () => {
    on.two.answers.reach = () => ({ reach: 4 });
    on.two.answers.learn = ({ firstSlot, lastSlot }) => ({
      decided: decisions(firstSlot, lastSlot),
      behind: undefined,
    });
    on.two.learnedThrough = 4;
    await on.log.readBarrier(never());
    expect(on.log.applied).to.equal(4);
    expect(on.clock.now()).to.equal(0);
    expect(on.two.prepares).to.deep.equal([]);
  });

  it('has open slots on the way filled within 200 ms, with the value that was voted for', async () => {
    await decide(on, 0, 1);
    on.two.answers.reach = () => ({ reach: 3 });
    const vote = { ballot: { round: 1, replica: two }, value: decisionOf(3, batchOf(2, 9, 'voted')).value };
    on.two.answers.prepare = ({ slot }) => ({ kind: 'promise', vote: slot === 3 ? vote : undefined });
    on.three.answers.prepare = () => 'lost';
    let passed = false;
    void on.log.readBarrier(never()).then(() => (passed = true));
    await turns();
    expect(passed).to.equal(false);
    await on.afterMs(200);
    expect(passed).to.equal(true);
    expect(on.applied.at(-1)).to.equal('3 voted');
  });

  it('waits for all the slots below its own floor where it has forgotten more than it can apply', async () => {
    await on.log.close();
    const recovered: RecoveredPaxos = { ...nothing, floor: 100, missingThrough: 99 };
    on = logOnPeer({ peer: { recovered } });
    await on.log.replay();
    on.two.answers.reach = () => ({ reach: undefined });
    let passed = false;
    void on.log.readBarrier(never()).then(() => (passed = true));
    await on.afterMs(1000);
    expect(passed).to.equal(false);
    await on.log.install(99, () => undefined);
    await turns();
    expect(passed).to.equal(true);
  });

  it('ends as closed when the log is closed', async () => {
    on.two.answers.reach = () => ({ reach: 9 });
    const read = on.log.readBarrier(never());
    await turns();
    await on.log.close();
    expect((await rejection(read, LogError)).failure.kind).to.equal('closed');
  });
});
