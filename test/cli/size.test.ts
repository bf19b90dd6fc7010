import { expect } from 'chai';
import fc from 'fast-check';
import { formatSize, parseSize } from '../../src/cli/size.js';

describe('Sizes on the command line', () => {
  it('are bytes, KiB, MiB or GiB', () => {
    const texts = ['1', '1048576', '64KiB', '16MiB', '64MiB', '1.5MiB', '1GiB', '1024GiB', '0.001KiB'];
    expect(texts.map(parseSize)).to.deep.equal([
      1,
      1_048_576,
      65_536,
      16_777_216,
      67_108_864,
      1_572_864,
      1_073_741_824,
      2 ** 40,
      1,
    ]);
  });

  it('are refused with another unit, with a fraction of a byte, at nothing and past 1024GiB', () => {
    const wrong = ['', '0', '1.5', '16MB', '16M', '16mib', '-1', '0KiB', '1024.001GiB', ' 1', '1e6', 'MiB'];
    for (const text of wrong) {
      expect(() => parseSize(text), text).to.throw(RangeError, '1048576, 64KiB, 16MiB or 1GiB');
    }
  });

  it('are printed short', () => {
    const sizes = [0, 1, 1023, 1024, 1536, 65_536, 1_048_576, 16_777_216, 1_100_000_000];
    expect(sizes.map(formatSize).join()).to.equal('0B,1B,1023B,1KiB,1.5KiB,64KiB,1MiB,16MiB,1GiB');
  });

  it('are printed within a twentieth of their unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1024, max: 2 ** 40 }), (sizeBytes) => {
        const printed = formatSize(sizeBytes);
        const unitBytes = parseSize(`1${printed.replace(/^[\d.]+/, '')}`);
        expect(Math.abs(parseSize(printed) - sizeBytes)).to.be.at.most(unitBytes / 20 + 1);
      }),
    );
  });
});
