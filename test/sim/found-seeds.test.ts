import { expect } from 'chai';
import { simulate } from '../../src/sim/simulation.js';

/** What failed once, and what it was. A plan that is drawn otherwise makes other worlds of them, which have to pass too. */
const found = [
  ['paxos', 4423, 'dozens of writes at once that nobody saw: no order was found in 50 million steps'],
  ['paxos', 10_953, 'the same'],
  ['paxos', 18_116, 'a replica without its directory was to be born on a full disk, and said so'],
  ['omnipaxos', 3767, 'a leader that had installed a snapshot told what this covers as decided'],
  ['omnipaxos', 9342, 'a segment that was sealed while others were dropped was lost with them'],
  ['omnipaxos', 12_481, 'a PutHash of unknown outcome had hashed writes that nobody saw: no order was found'],
  ['primary-backup', 4434, 'the same'],
  ['primary-backup', 6060, 'the same; and writes that their session refused at first ran later'],
] as const;

describe('worlds that failed once', () => {
  for (const [engine, seed, what] of found) {
    it(`pass: ${engine} ${seed}, ${what}`, async () => {
      const { verdict } = await simulate({ engine, seed });
      expect(verdict).to.deep.equal({ kind: 'passed' });
    });
  }
});
