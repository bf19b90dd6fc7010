import { expect } from 'chai';
import { LogError } from '../../src/log/errors.js';
import type { ReachReply } from '../../src/paxos/messages.js';
import { ReadBarrier } from '../../src/paxos/read-barrier.js';
import { seededRandom } from '../../src/runtime/random.js';
import { turns } from '../support/fake-clock.js';
import type { FakePeer } from '../support/fake-peer.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { fromTwo, peerWorld, type PeerWorld } from '../support/peer-world.js';

const own = valueOf('own');
const never = () => new AbortController().signal;

describe('the read barrier', () => {
  let world: PeerWorld;
  let barrier: ReadBarrier;
  /** Slots that readers wait for, and what lets them go on. */
  let awaited: { readonly slot: number; readonly apply: () => void }[];

  beforeEach(() => {
    world = peerWorld();
    awaited = [];
    barrier = new ReadBarrier({
      peer: world.peer,
      clock: world.clock,
      random: seededRandom(1),
      trace: () => undefined,
      reached: (slot) => new Promise((resolve) => awaited.push({ slot, apply: resolve })),
    });
  });
  afterEach(() => barrier.close());

  const slots = () => awaited.map(({ slot }) => slot);
  const answer = ({ answers }: FakePeer, reach: number | undefined) => (answers.reach = () => ({ reach }));
  /** How a wait came out, once it has. */
  const outcome = (wait: Promise<void>): (() => string) => {
    let became = 'waits';
    wait.then(
      () => (became = 'passed'),
      (error: unknown) => (became = error instanceof LogError ? error.failure.kind : 'other'),
    );
    return () => became;
  };
  /** Lets a fake answer only when told to. */
  const holding = ({ answers }: FakePeer): ((reach: number) => void)[] => {
    const held: ((reach: number) => void)[] = [];
    answers.reach = () =>
      new Promise<ReachReply>((resolve) => held.push((reach: number) => resolve({ reach })));
    return held;
  };
  const afterMs = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 10) {
      world.clock.advance(10);
      await turns();
    }
  };

  it('waits for the highest reach of a majority, and lets the read go on when that is applied', async () => {
    answer(world.two, 7);
    const read = outcome(barrier.wait(never()));
    await turns();
    expect(slots()).to.deep.equal([7]);
    expect(read()).to.equal('waits');
    awaited[0]!.apply();
    await turns();
    expect(read()).to.equal('passed');
  });

  it('waits for what is accepted here, decided or not', async () => {
    await world.peer.handleDecide(fromTwo({ slot: 3, value: own }));
    await world.peer.handleAccept(fromTwo({ slot: 9, ballot: ballotOf(1, 2), value: own }));
    answer(world.two, 2);
    void barrier.wait(never());
    await turns();
    expect(slots()).to.deep.equal([9]);
  });

  it('waits for nothing promised only, and for no less than the floor', async () => {
    await world.peer.handlePrepare(fromTwo({ slot: 9, ballot: ballotOf(1, 2) }));
    answer(world.two, undefined);
    void barrier.wait(never());
    await turns();
    expect(slots()).to.deep.equal([-1]);
    await world.peer.install(5);
    void barrier.wait(never());
    await turns();
    expect(slots()).to.deep.equal([-1, 5]);
  });

  it('does with a minority down, and its own acceptor is one of the majority', async () => {
    world.three.answers.reach = () => 'silence';
    answer(world.two, 4);
    void barrier.wait(never());
    await turns();
    expect(slots()).to.deep.equal([4]);
  });

  it('is held up by no slot that only a minority has voted for, once the others have answered', async () => {
    await world.peer.handleAccept(fromTwo({ slot: 9, ballot: ballotOf(1, 2), value: own }));
    answer(world.two, 4);
    const held = holding(world.three);
    const read = outcome(barrier.wait(never()));
    await turns();
    expect(slots()).to.deep.equal([9]);
    held[0]!(3);
    await turns();
    expect(slots(), 'two and three are a majority').to.deep.equal([9, 4]);
    awaited[1]!.apply();
    await turns();
    expect(read()).to.equal('passed');
  });

  it('does not do without a majority, however far its own acceptor has come', async () => {
    await world.peer.handleDecide(fromTwo({ slot: 3, value: own }));
    const read = outcome(barrier.wait(never()));
    await afterMs(500);
    expect(slots()).to.deep.equal([]);
    expect(read()).to.equal('waits');
  });

  it('repeats a round that no majority answered, more and more slowly, as long as somebody waits', async () => {
    for (const { answers } of world.others) answers.reach = () => 'lost';
    const aborting = new AbortController();
    const read = outcome(barrier.wait(aborting.signal));
    await afterMs(3000);
    const asked = world.two.reaches.length;
    expect(asked).to.be.within(10, 30);
    answer(world.two, 4);
    await afterMs(400);
    expect(slots()).to.deep.equal([4]);
    awaited[0]!.apply();
    await turns();
    expect(read()).to.equal('passed');
    answer(world.two, 4);
    await afterMs(3000);
    expect(world.two.reaches.length).to.be.at.most(asked + 2);
  });

  it('takes every answer of a repeated round anew', async () => {
    world.two.answers.reach = () => 'lost';
    world.three.answers.reach = () => 'lost';
    void barrier.wait(never());
    await turns();
    await world.peer.handleAccept(fromTwo({ slot: 6, ballot: ballotOf(1, 2), value: own }));
    answer(world.two, 4);
    await afterMs(400);
    expect(slots(), 'its own answer is not one from before').to.deep.equal([6]);
  });

  it('lets a reader that comes after the first request has left wait for the next round', async () => {
    const held = holding(world.two);
    const first = outcome(barrier.wait(never()));
    await turns();
    const [second, third] = [outcome(barrier.wait(never())), outcome(barrier.wait(never()))];
    await turns();
    expect(world.two.reaches, 'one round collects at a time').to.have.length(1);
    held[0]!(1);
    await turns();
    expect(world.two.reaches, 'one round for all who came meanwhile').to.have.length(2);
    expect(slots()).to.deep.equal([1]);
    awaited[0]!.apply();
    await turns();
    expect([first(), second(), third()]).to.deep.equal(['passed', 'waits', 'waits']);
    held[1]!(8);
    await turns();
    expect(slots()).to.deep.equal([1, 8]);
    awaited[1]!.apply();
    await turns();
    expect([second(), third()]).to.deep.equal(['passed', 'passed']);
  });

  it('begins the next round while readers of an earlier one still wait for their slot', async () => {
    answer(world.two, 7);
    const first = outcome(barrier.wait(never()));
    await turns();
    answer(world.two, 9);
    const second = outcome(barrier.wait(never()));
    await turns();
    expect(slots()).to.deep.equal([7, 9]);
    awaited[1]!.apply();
    await turns();
    expect([first(), second()]).to.deep.equal(['waits', 'passed']);
  });

  it('ends the wait of a caller who stops waiting, at every stage, and no other', async () => {
    const held = holding(world.two);
    const aborting = [0, 1, 2].map(() => new AbortController());
    const [collecting, queued] = aborting.map(({ signal }) => outcome(barrier.wait(signal)));
    const other = outcome(barrier.wait(never()));
    await turns();
    aborting[0]!.abort();
    aborting[1]!.abort();
    await turns();
    expect([collecting!(), queued!(), other()]).to.deep.equal(['abandoned', 'abandoned', 'waits']);
    held[0]!(1);
    await turns();
    const applying = outcome(barrier.wait(aborting[2]!.signal));
    held[1]!(2);
    await turns();
    held[2]!(3);
    await turns();
    aborting[2]!.abort();
    for (const { apply } of awaited) apply();
    await turns();
    expect([applying(), other()]).to.deep.equal(['abandoned', 'passed']);
    expect(outcome(barrier.wait(aborting[0]!.signal))()).to.equal('waits');
    await turns();
  });

  it('ends every wait when it is closed', async () => {
    answer(world.two, 7);
    const applying = outcome(barrier.wait(never()));
    await turns();
    world.two.answers.reach = () => 'silence';
    const collecting = outcome(barrier.wait(never()));
    const queued = outcome(barrier.wait(never()));
    await turns();
    barrier.close();
    const late = outcome(barrier.wait(never()));
    await turns();
    expect([applying(), collecting(), queued(), late()]).to.deep.equal(Array(4).fill('closed'));
    expect(world.clock.waiting).to.equal(0);
  });

  it('takes no answer in that is implausible', async () => {
    answer(world.two, 2 ** 50);
    world.three.answers.reach = () => 'lost';
    const read = outcome(barrier.wait(never()));
    await afterMs(100);
    expect(slots()).to.deep.equal([]);
    expect(read()).to.equal('waits');
    expect(world.peer.roster.refusals.get('garbled')).to.be.above(0);
  });
});
