import { expect } from 'chai';
import { limits } from '../../src/log/limits.js';
import { decodeBatch } from '../../src/log/wire.js';
import { outcome } from '../support/call-outcome.js';
import { acceptSyncOf, prepareOf } from '../support/omnipaxos-machine.js';
import { electionTimeoutMs, OmnipaxosLogWorld } from '../support/omnipaxos-on-peer.js';
import { ballotOf, textOf, valueOf } from '../support/paxos-values.js';
import { membersOf } from '../support/rosters.js';

const never = () => new AbortController().signal;
const addressOf = (id: number): string => membersOf(3)[id - 1]!.address;
describe('the log on OmniPaxos', () => {
  let world: OmnipaxosLogWorld;

  beforeEach(() => {
    world = new OmnipaxosLogWorld();
  });
  afterEach(async () => {
    await world.log.close();
    expect(world.failures).to.deep.equal([]);
  });

  const propose = (text: string, signal = never()) => outcome(world.log.propose(valueOf(text), signal));
  const commandsSent = () =>
    world.two
      .of('accept-decide')
      .flatMap(({ values }) => values.map((value) => decodeBatch(value).commands.map(textOf).join(' ')));
  const stopVotes = () => {
    for (const { answers } of world.remotes) answers.values = false;
  };
  it('packs what comes in one turn into one batch, and hands each caller its own result', async () => {
    await world.lead();
    const results = ['a', 'b', 'c'].map((text) => propose(text));
    await world.settle();
    expect(results.map((result) => result())).to.deep.equal(['a at 0', 'b at 0', 'c at 0']);
    expect(commandsSent()).to.deep.equal(['a b c']);
    expect(world.applied).to.deep.equal(['0 a', '0 b', '0 c']);
  });

  it('has four batches on their way at most; what comes meanwhile shares the next', async () => {
    await world.lead();
    stopVotes();
    const results = [];
    for (const text of ['a', 'b', 'c', 'd', 'e', 'f']) {
      results.push(propose(text));
      await world.settle();
    }
    expect(commandsSent()).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(world.log.status()).to.deep.include({ queuedCommands: 2, queuedBytes: 2 });
    expect(world.log.status().open.map(({ slot, proposing }) => [slot, proposing])).to.deep.equal(
      [0, 1, 2, 3].map((slot) => [slot, true]),
    );
    for (const { answers } of world.remotes) answers.values = true;
    const accepted = { kind: 'accepted', ballot: world.two.of('accept-decide')[0]!.ballot } as const;
    world.two.say({ ...accepted, acceptedEnd: 1 });
    await world.settle();
    expect(commandsSent().slice(4)).to.deep.equal(['e f']);
    world.two.say({ ...accepted, acceptedEnd: 5 });
    await world.settle();
    expect(results.map((result) => result())).to.deep.equal([
      'a at 0',
      'b at 1',
      'c at 2',
      'd at 3',
      'e at 4',
      'f at 4',
    ]);
  });

  it('says who leads where another does', async () => {
    await world.follow(1, 1);
    expect(world.applied).to.deep.equal(['0 command 0']);
    const [write, read] = [propose('a'), outcome(world.log.readBarrier(never()))];
    await world.settle();
    expect([write(), read()]).to.deep.equal(Array(2).fill(`not-leader ${addressOf(2)}`));
    expect(world.log.status().queuedCommands).to.equal(0);
  });

  it('lets calls wait for a first leader, and turns them away when none comes in time', async () => {
    const [write, read] = [propose('a'), outcome(world.log.readBarrier(never()))];
    await world.lead();
    await world.settle();
    expect([write(), read()]).to.deep.equal(['a at 0', 'passed']);
    for (const { answers } of world.remotes) answers.heartbeats = false;
    stopVotes();
    await world.afterMs(2 * electionTimeoutMs);
    expect(world.peer.leadership).to.deep.equal({ kind: 'following', leader: undefined });
    const late = [propose('b'), outcome(world.log.readBarrier(never()))];
    await world.afterMs(2 * electionTimeoutMs);
    expect(late.map((call) => call())).to.deep.equal(['waits', 'waits']);
    await world.afterMs(4 * electionTimeoutMs);
    expect(late.map((call) => call())).to.deep.equal(['not-leader nobody', 'not-leader nobody']);
    const refused = propose('c');
    await world.settle();
    expect(refused(), 'and so is whoever comes after').to.equal('not-leader nobody');
    expect(commandsSent()).to.deep.equal(['a']);
  });

  it('ends what is under way with its outcome unknown, and what is queued as not led here, when it is deposed', async () => {
    await world.lead();
    stopVotes();
    const calls = [];
    for (const text of ['a', 'b', 'c', 'd', 'queued']) {
      calls.push(propose(text));
      await world.settle();
    }
    await world.depose();
    expect(calls.map((call) => call())).to.deep.equal([
      ...Array<string>(4).fill('unknown leadership-lost'),
      `not-leader ${addressOf(3)}`,
    ]);
    const later = propose('later');
    await world.settle();
    expect(later()).to.equal(`not-leader ${addressOf(3)}`);
  });

  it('ends what is under way when it hears no majority any more', async () => {
    await world.lead();
    stopVotes();
    const call = propose('a');
    await world.settle();
    for (const { answers } of world.remotes) answers.heartbeats = false;
    await world.afterMs(2 * electionTimeoutMs);
    expect(call()).to.equal('unknown leadership-lost');
  });

  it('answers nobody twice when what it proposed is decided by its successor after all', async () => {
    await world.lead();
    stopVotes();
    const call = propose('a');
    await world.settle();
    const value = world.two.of('accept-decide')[0]!.values[0]!;
    await world.depose();
    world.three.say(prepareOf(ballotOf(99, 3), 1));
    await world.settle();
    world.three.say(acceptSyncOf(ballotOf(99, 3), 1, 0, [], { values: [value], decidedEnd: 1 }));
    await world.settle();
    expect(world.applied).to.deep.equal(['0 a']);
    expect(call()).to.equal('unknown leadership-lost');
  });

  it('tells a caller who stops waiting whether the command can still run', async () => {
    await world.lead();
    stopVotes();
    const [first, second] = [new AbortController(), new AbortController()];
    const proposed = propose('proposed', first.signal);
    await world.settle();
    for (const text of ['b', 'c', 'd']) {
      propose(text);
      await world.settle();
    }
    const queued = propose('queued', second.signal);
    await world.settle();
    first.abort();
    second.abort();
    const underWay = propose('later');
    await world.settle();
    expect([proposed(), queued()]).to.deep.equal(['unknown proposed', 'abandoned']);
    await world.log.close();
    const late = propose('too late');
    await world.settle();
    expect([underWay(), late()]).to.deep.equal(['closed', 'closed']);
    expect(world.clock.waiting).to.equal(0);
  });

  it('leaves no timer behind when it is closed without a leader', async () => {
    const call = propose('a');
    await world.log.close();
    await world.settle();
    expect(call()).to.equal('closed');
    expect(world.clock.waiting).to.equal(0);
  });

  it('refuses what the queue cannot hold, before queueing it', async () => {
    const outcomes: (() => string)[] = [];
    const large = new Uint8Array(limits.commandBytes);
    outcomes.push(outcome(world.log.propose(new Uint8Array(limits.commandBytes + 1), never())));
    for (let sent = 0; sent <= limits.queueBytes + limits.commandBytes; sent += limits.commandBytes) {
      outcomes.push(outcome(world.log.propose(large, never())));
    }
    await world.settle();
    const refusals = outcomes.map((each) => each()).filter((each) => each !== 'waits');
    expect(refusals[0]).to.equal('command-too-large');
    expect(new Set(refusals.slice(1))).to.deep.equal(new Set(['queue-full']));
  });

  it('stops the replica when an apply fails', async () => {
    const failure = new Error('the state cannot take this');
    const failing = new OmnipaxosLogWorld({
      log: {
        stateMachine: {
          apply: () => {
            throw failure;
          },
          recorded: () => undefined,
        },
      },
    });
    await failing.lead();
    const call = outcome(failing.log.propose(valueOf('a'), never()));
    await failing.settle();
    expect(failing.failures).to.deep.equal([failure]);
    expect(call()).to.equal('unknown closed-while-proposed');
    expect(failing.peer.leadership.kind).to.equal('following');
  });
});
