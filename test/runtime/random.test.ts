import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { realRandom } from '../../src/runtime/real-random.js';

/** A hundred numbers of every kind. */
const draw = (random: Random): unknown[] =>
  Array.from({ length: 100 }, () => [random.below(1000), random.between(-1, 1), random.hex(8)]);

const sources: readonly (readonly [string, (seed: number) => Random])[] = [
  ['a seeded stream', seededRandom],
  ["the operating system's randomness", () => realRandom],
];

const seeds = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

for (const [name, sourceOf] of sources) {
  describe(name, () => {
    it('draws whole numbers from 0 to below the bound', () => {
      fc.assert(
        fc.property(seeds, fc.integer({ min: 1, max: 2 ** 31 }), (seed, bound) => {
          const value = sourceOf(seed).below(bound);
          return Number.isInteger(value) && value >= 0 && value < bound;
        }),
      );
    });

    it('draws every number below a small bound', () => {
      const random = sourceOf(7);
      const drawn = new Set(Array.from({ length: 1000 }, () => random.below(5)));
      expect([...drawn].sort()).to.deep.equal([0, 1, 2, 3, 4]);
    });

    it('draws numbers from low to below high, over the whole range', () => {
      const random = sourceOf(7);
      const drawn = Array.from({ length: 1000 }, () => random.between(-3, 5));
      expect(Math.min(...drawn)).to.be.within(-3, -2);
      expect(Math.max(...drawn)).to.be.within(4, 5);
      expect(drawn.every((value) => value < 5)).to.equal(true);
    });

    it('draws as many hexadecimal digits as asked for', () => {
      fc.assert(
        fc.property(seeds, fc.integer({ min: 0, max: 65 }), (seed, digits) => {
          expect(sourceOf(seed).hex(digits)).to.match(new RegExp(`^[0-9a-f]{${digits}}$`));
        }),
      );
    });
  });
}

describe('a seeded stream', () => {
  it('is the same for the same seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(draw(seededRandom(seed))).to.deep.equal(draw(seededRandom(seed)));
      }),
    );
  });

  it('differs between seeds', () => {
    fc.assert(
      fc.property(fc.uniqueArray(seeds, { minLength: 2, maxLength: 2 }), ([left, right]) => {
        expect(draw(seededRandom(left!))).to.not.deep.equal(draw(seededRandom(right!)));
      }),
    );
  });

  it('goes on where it stopped, whatever else is drawn from other streams', () => {
    const [alone, disturbed, other] = [seededRandom(1), seededRandom(1), seededRandom(2)];
    for (let count = 0; count < 100; count += 1) {
      other.hex(3);
      expect(disturbed.below(1000)).to.equal(alone.below(1000));
    }
  });
});

describe("the operating system's randomness", () => {
  it('never draws the same incarnation twice', () => {
    const drawn = new Set(Array.from({ length: 1000 }, () => realRandom.hex(32)));
    expect(drawn.size).to.equal(1000);
  });
});
