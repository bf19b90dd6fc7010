import { expect } from 'chai';
import fc from 'fast-check';
import { PurePaxos, type Move } from '../support/pure-paxos.js';

const moves: fc.Arbitrary<Move[]> = fc.array(
  fc.record<Move>({
    kind: fc.oneof(
      { weight: 2, arbitrary: fc.constant('propose' as const) },
      { weight: 20, arbitrary: fc.constant('deliver' as const) },
      { weight: 4, arbitrary: fc.constant('duplicate' as const) },
      { weight: 2, arbitrary: fc.constant('lose' as const) },
    ),
    pick: fc.nat(),
  }),
  { minLength: 50, maxLength: 400, size: 'max' },
);

for (const memberCount of [2, 3, 4, 5]) {
  describe(`Paxos of ${memberCount}, made of its pure parts`, () => {
    it('never chooses two values, whatever is lost, repeated or late', () => {
      let runsThatChose = 0;
      let runsThatKnew = 0;
      fc.assert(
        fc.property(moves, (schedule) => {
          const paxos = new PurePaxos(memberCount);
          for (const move of schedule) paxos.step(move);
          expect([...paxos.chosen]).to.have.length.at.most(1);
          for (const value of paxos.believed) expect([...paxos.chosen]).to.deep.equal([value]);
          runsThatChose += paxos.chosen.size;
          runsThatKnew += paxos.believed.size;
        }),
        { numRuns: 500 },
      );
      // Else the property above would hold for want of any decision.
      expect(runsThatChose).to.be.above(100);
      expect(runsThatKnew).to.be.above(50);
    });
  });
}
