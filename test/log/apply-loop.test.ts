import { expect } from 'chai';
import { ApplyLoop, type ApplyLoopOptions } from '../../src/log/apply-loop.js';
import { UnderWay } from '../../src/log/under-way.js';
import { encodeBatch } from '../../src/log/wire.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { batchOf } from '../support/log-on-peer.js';
import { textOf } from '../support/paxos-values.js';
import { rosterOf } from '../support/rosters.js';

/** A loop of replica 1 over slots that are all decided up to `decidedEnd`, each by a batch of its own text. */
function loopOver(decidedEnd: number, changes: Partial<ApplyLoopOptions<string>> = {}) {
  const applied: string[] = [];
  const progress: (number | undefined)[] = [];
  const failures: unknown[] = [];
  const loop = new ApplyLoop<string>({
    roster: rosterOf(1, 3),
    stateMachine: {
      apply: (slot, commands) => {
        if (slot === 7) throw new Error('slot 7 cannot be applied');
        applied.push(...commands.map((command) => `${slot} ${textOf(command)}`));
        return commands.map(textOf);
      },
      recorded: () => undefined,
    },
    clock: new FakeClock(),
    underWay: new UnderWay(),
    recoveredThrough: undefined,
    awaitsReplay: false,
    decided: (slot) => (slot < decidedEnd ? encodeBatch(batchOf(2, slot + 1, 'x')) : undefined),
    progressed: () => progress.push(loop.applied),
    failed: (error) => failures.push(error),
    trace: () => undefined,
    ...changes,
  });
  return { loop, applied, progress, failures };
}

describe('the loop that applies what is decided', () => {
  it('applies in order what is next, and tells of the progress once', () => {
    const { loop, applied, progress } = loopOver(3);
    loop.advance();
    expect(applied).to.deep.equal(['0 x', '1 x', '2 x']);
    expect(progress).to.deep.equal([2]);
    expect([loop.applied, loop.next]).to.deep.equal([2, 3]);
  });

  it('tells of what a snapshot covers when the replay begins, and of what was replayed', async () => {
    const { loop, progress } = loopOver(5, { recoveredThrough: 3, awaitsReplay: true });
    loop.advance();
    expect(progress).to.deep.equal([]);
    await loop.replay();
    expect(progress).to.deep.equal([3, 4]);
  });

  it('tells of a failed apply, and changes nothing more', async () => {
    const { loop, applied, failures } = loopOver(9);
    loop.advance();
    expect(failures.map(String)).to.deep.equal(['Error: slot 7 cannot be applied']);
    loop.advance();
    await loop.replay();
    loop.install(20, () => applied.push('installed'));
    expect(applied).to.have.length(7);
    expect(failures).to.have.length(1);
  });

  it('ends every wait when it is closed, and changes nothing more', async () => {
    const { loop, applied } = loopOver(3);
    let ended = false;
    const wait = loop.reached(0).then(() => (ended = true));
    await turns();
    expect(ended).to.equal(false);
    loop.close();
    await wait;
    loop.advance();
    await loop.replay();
    loop.install(20, () => applied.push('installed'));
    expect(applied).to.deep.equal([]);
  });
});
