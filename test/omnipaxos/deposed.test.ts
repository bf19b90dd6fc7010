import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { seededRandom } from '../../src/runtime/random.js';
import { OmnipaxosWorld } from '../support/omnipaxos-world.js';

const electionTimeoutMs = 100;
const [first, middle, last] = [replicaId(1), replicaId(2), replicaId(3)];

describe('an OmniPaxos leader at the end of a chain', () => {
  for (const isSilent of [false, true]) {
    it(`does not lead once its only neighbour has refused it, the cut ${isSilent ? 'silent' : 'noticed'}`, () => {
      const world = new OmnipaxosWorld({
        replicaCount: 3,
        random: seededRandom(1),
        electionTimeoutMs,
        firstTickMs: (id) => (id === first ? 10 : 60 + 10 * id),
      });
      world.start();
      world.run(5 * electionTimeoutMs);
      expect(world.leads(first)).to.equal(true);
      world.cut(first, last, isSilent);
      expect(
        world.runUntil(() => world.leads(last), 5 * electionTimeoutMs),
        'the other end leads',
      ).to.equal(true);
      world.run(2 * electionTimeoutMs);
      if (world.leads(first)) world.propose(first, 'in vain');
      world.run(electionTimeoutMs);
      expect(world.leads(first), 'the deposed end leads').to.equal(false);
      // Whom to ask instead, its neighbour has told it.
      expect(world.replica(first).leadership).to.deep.equal({ kind: 'following', leader: last });
      expect(world.leads(last)).to.equal(true);
      // The other end goes; its neighbour hears no leader, and this one takes over.
      world.crash(last);
      expect(world.runUntil(() => world.leads(first) || world.leads(middle), 6 * electionTimeoutMs)).to.equal(
        true,
      );
    });
  }
});
