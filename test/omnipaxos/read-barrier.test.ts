import { expect } from 'chai';
import { LogError } from '../../src/log/errors.js';
import { emptyLog } from '../../src/omnipaxos/accepted-log.js';
import { ReadBarrier } from '../../src/omnipaxos/read-barrier.js';
import { prepareOf, promiseTo } from '../support/omnipaxos-machine.js';
import { electionTimeoutMs, OmnipaxosPeerWorld } from '../support/omnipaxos-on-peer.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';

const never = () => new AbortController().signal;

describe('the read barrier of OmniPaxos', () => {
  let world: OmnipaxosPeerWorld;
  let barrier: ReadBarrier;
  /** Whether readers may wait for this replica to lead. */
  let mayWait: boolean;
  /** Slots that readers wait for, and what lets them go on. */
  let awaited: { readonly slot: number; readonly apply: () => void }[];

  const over = (peerWorld: OmnipaxosPeerWorld): void => {
    world = peerWorld;
    awaited = [];
    mayWait = true;
    barrier = new ReadBarrier({
      peer: world.peer,
      mayWait: () => mayWait,
      reached: (slot) => new Promise((resolve) => awaited.push({ slot, apply: resolve })),
      notLeader: () => ({ kind: 'not-leader', hint: 'somewhere' }),
      trace: () => undefined,
    });
  };
  beforeEach(() => over(new OmnipaxosPeerWorld()));
  afterEach(() => {
    barrier.close();
    world.peer.close();
    expect(world.failures).to.deep.equal([]);
  });

  const slots = () => awaited.map(({ slot }) => slot);
  const outcome = (wait: Promise<void>): (() => string) => {
    let became = 'waits';
    wait.then(
      () => (became = 'passed'),
      (error: unknown) => (became = error instanceof LogError ? error.failure.kind : 'other'),
    );
    return () => became;
  };
  const holdConfirms = () => {
    for (const { answers } of world.remotes) answers.confirms = false;
  };
  /** Lets one replica confirm what it was asked so far, or what it is said to have been asked. */
  const confirm = async (remote = world.two, number = remote.of('confirm').at(-1)!.number) => {
    const { ballot } = remote.of('confirm').at(-1)!;
    remote.say({ kind: 'confirmed', ballot, number });
    await world.settle();
  };

  it('waits for what was decided when it began, once a majority has confirmed, and writes nothing', async () => {
    await world.lead();
    world.peer.proposal(valueOf('a'));
    await world.settle();
    holdConfirms();
    const appends = world.journal.appended.length;
    const read = outcome(barrier.wait(never()));
    await world.settle();
    expect(slots()).to.deep.equal([]);
    world.peer.proposal(valueOf('b'));
    await world.settle();
    expect(world.peer.decidedEnd).to.equal(2);
    await confirm();
    expect(slots(), 'what came later needs no wait').to.deep.equal([0]);
    expect(read()).to.equal('waits');
    awaited[0]!.apply();
    await world.settle();
    expect(read()).to.equal('passed');
    const kinds = world.journal.appended
      .slice(appends)
      .flatMap(({ records }) => records.map(({ kind }) => kind));
    expect(kinds).to.deep.equal(['entry', 'decided']);
  });

  it('waits for the end of the log that was adopted with the ballot, though it does not know it decided', async () => {
    for (const { answers } of world.remotes) answers.values = false;
    world.three.answers.prepares = false;
    world.two.answers.prepares = false;
    world.peer.start();
    await world.afterMs(3 * electionTimeoutMs);
    const prepare = world.two.of('prepare').at(-1)!;
    const values = ['a', 'b'].map(valueOf);
    world.two.say(promiseTo(prepare, { accepted: ballotOf(0, 9), acceptedEnd: 2, first: 0, values }));
    await world.settle();
    expect([world.peer.leadership.kind, world.peer.decidedEnd]).to.deep.equal(['leading', 0]);
    void barrier.wait(never()).catch(() => undefined);
    await world.settle();
    expect(slots()).to.deep.equal([1]);
  });

  it('waits for its own log where that was the one adopted', async () => {
    const log = { ...emptyLog, promised: ballotOf(3, 1), accepted: ballotOf(3, 1), values: [valueOf('a')] };
    over(new OmnipaxosPeerWorld({ recovered: { log, unapplied: new Map(), missingThrough: undefined } }));
    for (const { answers } of world.remotes) answers.values = false;
    await world.lead();
    expect(world.peer.decidedEnd).to.equal(0);
    void barrier.wait(never()).catch(() => undefined);
    await world.settle();
    expect(slots()).to.deep.equal([0]);
  });

  it('does not do without a majority, and asks again at each election timeout', async () => {
    await world.lead();
    holdConfirms();
    const read = outcome(barrier.wait(never()));
    await world.settle();
    expect(world.two.of('confirm')).to.have.length(1);
    await world.afterMs(3 * electionTimeoutMs);
    expect(world.two.of('confirm').length).to.be.within(3, 5);
    expect(new Set(world.two.of('confirm').map(({ number }) => number)).size, 'it is one round').to.equal(1);
    expect([read(), slots()]).to.deep.equal(['waits', []]);
    await confirm(world.three);
    expect(slots()).to.have.length(1);
  });

  it('lets a reader that comes after the request has left wait for the next round, and for its answers', async () => {
    await world.lead();
    holdConfirms();
    const first = outcome(barrier.wait(never()));
    const [second, third] = [outcome(barrier.wait(never())), outcome(barrier.wait(never()))];
    await world.settle();
    const [asked] = world.two.of('confirm');
    expect(world.two.of('confirm'), 'one round at a time').to.have.length(1);
    await confirm();
    expect(slots()).to.have.length(1);
    expect(world.two.of('confirm'), 'one for all who came meanwhile').to.have.length(2);
    await confirm(world.two, asked!.number);
    await confirm(world.three, asked!.number);
    expect(slots(), 'answers of the first round are none of the second').to.have.length(1);
    awaited[0]!.apply();
    await world.settle();
    expect([first(), second(), third()]).to.deep.equal(['passed', 'waits', 'waits']);
    await confirm();
    awaited[1]!.apply();
    await world.settle();
    expect([second(), third()]).to.deep.equal(['passed', 'passed']);
  });

  it('counts no confirmation of another ballot', async () => {
    await world.lead();
    holdConfirms();
    void barrier.wait(never()).catch(() => undefined);
    await world.settle();
    const { ballot } = world.two.of('confirm').at(-1)!;
    world.two.say({ kind: 'confirmed', ballot: { ...ballot, round: ballot.round + 1 }, number: 1 });
    await world.settle();
    expect(slots()).to.deep.equal([]);
    await confirm();
    expect(slots()).to.have.length(1);
  });

  it('refuses a reader who may not wait, and sends on those who wait when leadership is lost', async () => {
    mayWait = false;
    expect(await outcomeOf(barrier.wait(never()))).to.equal('not-leader');
    mayWait = true;
    await world.lead();
    holdConfirms();
    const [collecting, queued] = [outcome(barrier.wait(never())), outcome(barrier.wait(never()))];
    await world.settle();
    mayWait = false;
    await world.depose();
    expect([collecting(), queued()]).to.deep.equal(['not-leader', 'not-leader']);
    await confirm();
    expect(slots()).to.deep.equal([]);
  });

  it('keeps a reader who may wait until this replica leads, or until it is told to turn them away', async () => {
    const early = outcome(barrier.wait(never()));
    await world.settle();
    expect(early()).to.equal('waits');
    await world.lead();
    expect(slots()).to.deep.equal([-1]);
    awaited[0]!.apply();
    await world.settle();
    expect(early()).to.equal('passed');
    for (const { answers } of world.remotes) answers.heartbeats = false;
    holdConfirms();
    const collecting = outcome(barrier.wait(never()));
    await world.afterMs(2 * electionTimeoutMs);
    const queued = outcome(barrier.wait(never()));
    await world.settle();
    expect([collecting(), queued()]).to.deep.equal(['waits', 'waits']);
    barrier.turnAway();
    await world.settle();
    expect([collecting(), queued()]).to.deep.equal(['not-leader', 'not-leader']);
  });

  it('asks anew under a new ballot: what was confirmed was another', async () => {
    await world.lead();
    holdConfirms();
    const read = outcome(barrier.wait(never()));
    await world.settle();
    const first = world.two.of('confirm').at(-1)!;
    for (const remote of world.remotes) {
      remote.heartbeat = { ...remote.heartbeat, led: false };
      remote.answers.prepares = false;
    }
    // Refused by one alone it leads on, finds that nobody leads that one, and claims a higher ballot.
    world.three.say({ kind: 'not-accepted', promised: ballotOf(9, 3) });
    await world.afterMs(2 * electionTimeoutMs);
    expect([world.peer.leadership.kind, read()]).to.deep.equal(['preparing', 'waits']);
    world.two.say({ kind: 'confirmed', ballot: first.ballot, number: first.number });
    await world.settle();
    expect(slots()).to.deep.equal([]);
    for (const remote of world.remotes) remote.say(promiseTo(remote.of('prepare').at(-1)!));
    await world.settle();
    expect(world.peer.leadership).to.deep.equal({ kind: 'leading', ballot: ballotOf(10, 1) });
    await confirm();
    expect(slots()).to.have.length(1);
  });

  it('ends the wait of a caller who stops waiting, at every stage, and no other', async () => {
    await world.lead();
    holdConfirms();
    const aborting = [0, 1, 2].map(() => new AbortController());
    const [collecting, queued] = aborting.map(({ signal }) => outcome(barrier.wait(signal)));
    const other = outcome(barrier.wait(never()));
    aborting[0]!.abort();
    aborting[1]!.abort();
    await world.settle();
    expect([collecting!(), queued!(), other()]).to.deep.equal(['abandoned', 'abandoned', 'waits']);
    const applying = outcome(barrier.wait(aborting[2]!.signal));
    await confirm();
    await confirm();
    aborting[2]!.abort();
    for (const { apply } of awaited) apply();
    await world.settle();
    expect([applying(), other()]).to.deep.equal(['abandoned', 'passed']);
    expect(await outcomeOf(barrier.wait(aborting[0]!.signal))).to.equal('abandoned');
  });

  it('ends every wait when it is closed', async () => {
    await world.lead();
    const applying = outcome(barrier.wait(never()));
    await world.settle();
    holdConfirms();
    const [collecting, queued] = [outcome(barrier.wait(never())), outcome(barrier.wait(never()))];
    await world.settle();
    barrier.close();
    expect(await outcomeOf(barrier.wait(never()))).to.equal('closed');
    expect([applying(), collecting(), queued()]).to.deep.equal(['closed', 'closed', 'closed']);
  });

  it('answers a confirmation only under its promise, and refuses it otherwise', async () => {
    world.peer.start();
    await world.settle();
    world.two.say(prepareOf(ballotOf(5, 2), 1));
    world.two.say({ kind: 'confirm', ballot: ballotOf(5, 2), number: 8 });
    world.three.say({ kind: 'confirm', ballot: ballotOf(4, 3), number: 9 });
    await world.settle();
    expect(world.two.of('confirmed')).to.deep.equal([
      { kind: 'confirmed', ballot: ballotOf(5, 2), number: 8 },
    ]);
    expect(world.three.of('confirmed')).to.deep.equal([]);
    expect(world.three.of('not-accepted')).to.deep.equal([
      { kind: 'not-accepted', promised: ballotOf(5, 2) },
    ]);
  });
});

const outcomeOf = (wait: Promise<void>): Promise<string> =>
  wait.then(
    () => 'passed',
    (error: unknown) => (error instanceof LogError ? error.failure.kind : String(error)),
  );
