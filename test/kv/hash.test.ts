import { expect } from 'chai';
import fc from 'fast-check';
import { chainHash } from '../../src/kv/hash.js';
import { fnv1a, nextLink } from '../support/fnv-twin.js';

/** Published results of 32-bit FNV-1a. */
const known: readonly (readonly [text: string, hash: number])[] = [
  ['', 2166136261],
  ['a', 3826002220],
  ['foobar', 3214735720],
];

const texts = fc.string({ unit: 'grapheme' });

describe('the hash of PutHash', () => {
  it('is FNV-1a with 32 bits, unsigned, in decimal', () => {
    for (const [text, hash] of known) {
      expect(chainHash('', text)).to.equal(String(hash));
      expect(chainHash(text, '')).to.equal(String(hash));
      expect(fnv1a(text), 'the twin').to.equal(BigInt(hash));
    }
  });

  it('runs over the bytes of the previous value, then over those of the new one', () => {
    expect(chainHash('foo', 'bar')).to.equal(chainHash('', 'foobar'));
    fc.assert(
      fc.property(texts, texts, (previous, next) => {
        expect(chainHash(previous, next)).to.equal(nextLink(previous, next));
      }),
    );
  });
});
