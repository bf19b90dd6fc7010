import { expect } from 'chai';
import { LogError } from '../../src/log/errors.js';
import { replicaId } from '../../src/log/ids.js';
import { limits } from '../../src/log/limits.js';
import { decodeBatch } from '../../src/log/wire.js';
import type { PaxosLog } from '../../src/paxos/paxos-log.js';
import { turns } from '../support/fake-clock.js';
import { batchOf, decisionOf, decisions, logOnPeer, type LogOnPeer } from '../support/log-on-peer.js';
import { valueOf } from '../support/paxos-values.js';
import { agreeToAll, fromTwo } from '../support/peer-world.js';

const two = replicaId(2);
const never = () => new AbortController().signal;

describe('the replicated log on Paxos', () => {
  let world: LogOnPeer;
  let log: PaxosLog<string>;
  let applied: string[];
  let afterMs: LogOnPeer['afterMs'];

  beforeEach(() => {
    world = logOnPeer();
    ({ log, applied, afterMs } = world);
  });
  afterEach(() => {
    expect(world.failures).to.deep.equal([]);
    return log.close();
  });

  it('packs what waits into one batch and hands each caller its own result', async () => {
    agreeToAll(world);
    const results = ['a', 'b', 'c'].map((command) => log.propose(valueOf(command), never()));
    expect(await Promise.all(results)).to.deep.equal(['a at 0', 'b at 1', 'c at 1']);
    expect(applied).to.deep.equal(['0 a', '1 b', '1 c']);
  });

  it('learns what it missed in pages, and proposes nothing for it', async () => {
    world.two.answers.learn = ({ firstSlot, lastSlot }) => ({
      decided: decisions(firstSlot, Math.min(lastSlot, firstSlot + 99)),
      behind: undefined,
    });
    log.heardReach(two, 499);
    await turns();
    expect(log.applied).to.equal(499);
    expect(applied).to.have.length(500);
    expect(world.two.learns.map(({ firstSlot }) => firstSlot)).to.deep.equal([0, 100, 200, 300, 400]);
    await afterMs(1000);
    expect(world.others.flatMap(({ prepares }) => prepares)).to.deep.equal([]);
  });

  it('decides a no-op within 200 ms in a hole that nobody can tell about', async () => {
    agreeToAll(world);
    await world.peer.handleDecide(fromTwo(decisionOf(2, batchOf(2, 1, 'late'))));
    expect(log.applied).to.equal(undefined);
    await afterMs(200);
    expect(applied).to.deep.equal(['2 late']);
    const noOps = world.two.accepts.map(({ slot, value }) => [slot, decodeBatch(value).commands.length]);
    expect(noOps).to.deep.equal([
      [0, 0],
      [1, 0],
    ]);
  });

  it('moves on when another batch of equal bytes took its slot', async () => {
    const result = log.propose(valueOf('x'), never());
    await turns();
    agreeToAll(world);
    await world.peer.handleDecide(fromTwo(decisionOf(0, batchOf(2, 1, 'x'))));
    expect(await result).to.equal('x at 1');
    expect(applied).to.deep.equal(['0 x', '1 x']);
  });

  it('starts no slot further than the window above what is applied', async () => {
    const last = limits.windowSlots + 9;
    for (const decision of decisions(1, last)) await world.peer.handleDecide(fromTwo(decision));
    void log.propose(valueOf('waits'), never()).catch(() => undefined);
    await turns();
    const proposed = () => world.two.prepares.map(({ slot }) => slot);
    expect(proposed()).to.deep.equal([]);
    agreeToAll(world);
    await afterMs(2000);
    expect(proposed())
      .to.include(0)
      .and.include(last + 1);
    expect(applied.at(-1)).to.equal(`${last + 1} waits`);
  });

  it('tells a caller who stops waiting whether the command can still run', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const outcome = (promise: Promise<string>) =>
      promise.then(
        () => 'result',
        (error: unknown) => (error instanceof LogError ? error.failure.kind : 'other'),
      );
    const proposed = outcome(log.propose(valueOf('proposed'), first.signal));
    await turns();
    const queued = outcome(log.propose(valueOf('queued'), second.signal));
    first.abort();
    second.abort();
    expect(await proposed).to.equal('outcome-unknown');
    expect(await queued).to.equal('abandoned');
    const underWay = outcome(log.propose(valueOf('later'), never()));
    await log.close();
    expect(await underWay).to.equal('closed');
    expect(await outcome(log.propose(valueOf('too late'), never()))).to.equal('closed');
  });

  it('refuses what the queue cannot hold, before queueing it', async () => {
    const outcomes: string[] = [];
    const propose = (bytes: number) =>
      void log.propose(new Uint8Array(bytes), never()).catch((error: unknown) => {
        if (error instanceof LogError && error.failure.kind === 'refused')
          outcomes.push(error.failure.reason);
      });
    propose(limits.commandBytes + 1);
    for (let sent = 0; sent <= limits.queueBytes + limits.commandBytes; sent += limits.commandBytes) {
      propose(limits.commandBytes);
    }
    await turns();
    expect(outcomes[0]).to.equal('command-too-large');
    expect(outcomes.slice(1)).to.have.length.above(0);
    expect(new Set(outcomes.slice(1))).to.deep.equal(new Set(['queue-full']));
    expect(log.status().queuedBytes).to.be.at.most(limits.queueBytes);
  });
});
