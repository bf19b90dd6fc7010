import { expect } from 'chai';
import { DecisionWaits } from '../../src/paxos/decision-wait.js';
import { turns } from '../support/fake-clock.js';
import { valueOf } from '../support/paxos-values.js';
import { fromTwo, peerWorld } from '../support/peer-world.js';

describe('the wait for a decision', () => {
  it('polls quickly at first, then ever more slowly, and never less often than every 500 ms', async () => {
    const { peer, clock } = peerWorld();
    const waits = new DecisionWaits(peer, clock);
    const polledAtMs: number[] = [];
    const outcome = waits.settled(0, () => polledAtMs.push(clock.now()));
    for (let passedMs = 0; passedMs < 3000; passedMs += 10) {
      await turns();
      clock.advance(10);
    }
    expect(polledAtMs.slice(0, 9)).to.deep.equal([0, 10, 30, 70, 150, 310, 630, 1130, 1630]);
    waits.close();
    expect(await outcome).to.deep.equal({ kind: 'pending' });
  });

  it('ends with the decision itself, between two polls', async () => {
    const { peer, clock } = peerWorld();
    const waits = new DecisionWaits(peer, clock);
    const outcome = waits.settled(0, () => undefined);
    for (let passedMs = 0; passedMs < 2000; passedMs += 10) {
      await turns();
      clock.advance(10);
    }
    await peer.handleDecide(fromTwo({ slot: 0, value: valueOf('decided') }));
    expect(await outcome).to.deep.equal({ kind: 'decided', value: valueOf('decided') });
    expect(clock.waiting).to.equal(0);
  });
});
