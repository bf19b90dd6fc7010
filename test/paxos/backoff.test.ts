import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { turns } from '../support/fake-clock.js';
import { valueOf } from '../support/paxos-values.js';
import { peerWorld } from '../support/peer-world.js';

describe('a Paxos proposer that finds no majority', () => {
  it('waits longer and longer between its rounds, up to a limit, and never twice the same', async () => {
    const { peer, clock, others, two } = peerWorld();
    for (const { answers } of others) answers.prepare = () => 'lost';
    peer.start(0, valueOf('own'));
    await turns();
    const gapsMs: number[] = [];
    for (let round = 1; round <= 20; round += 1) {
      const startMs = clock.now();
      await clock.runUntil(() => two.prepares.length > round, 1000);
      gapsMs.push(clock.now() - startMs);
    }
    for (const [attempt, gapMs] of gapsMs.entries()) {
      const longestMs = Math.min(10 * 2 ** attempt, 300);
      expect(gapMs).to.be.within(0.3 * longestMs, longestMs);
    }
    expect(new Set(gapsMs)).to.have.property('size', gapsMs.length);
  });

  it('waits for long beside the round in which it collided', async () => {
    const { peer, clock, others, two } = peerWorld();
    const tookMs = 40;
    for (const { answers } of others) {
      answers.prepare = async ({ ballot }) => {
        await clock.sleep(tookMs);
        return { kind: 'reject', highestPromised: { round: ballot.round + 1, replica: replicaId(2) } };
      };
    }
    peer.start(0, valueOf('own'));
    for (let round = 1; round <= 20; round += 1) {
      await clock.runUntil(() => two.prepares.length === round, 1000);
      const startMs = clock.now();
      await clock.runUntil(() => two.prepares.length > round, 1000);
      const longestMs = Math.min(tookMs * 2 ** (round - 1), 300);
      expect(clock.now() - startMs - tookMs).to.be.within(0.3 * longestMs, longestMs);
    }
  });
});

describe('a Paxos peer with an instance that comes to nothing', () => {
  it('goes on with those started after it, and with those before it', async () => {
    const { peer, others, failures } = peerWorld();
    for (const { answers } of others) {
      answers.prepare = ({ slot }) => (slot === 5 ? 'silence' : { kind: 'promise', vote: undefined });
      answers.accept = () => ({ kind: 'accept-ok' });
    }
    for (const slot of [5, 6, 4]) peer.start(slot, valueOf('own'));
    await turns();
    expect([4, 5, 6].map((slot) => peer.status(slot).kind)).to.deep.equal(['decided', 'pending', 'decided']);
    expect(failures).to.deep.equal([]);
  });
});
