import { expect } from 'chai';
import fc from 'fast-check';
import { Entries } from '../../src/omnipaxos/entries.js';
import { textOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const entriesOf = (floor: number, ...texts: string[]) => new Entries(floor, texts.map(valueOf));
const textsOf = (entries: Entries) =>
  Array.from({ length: entries.end - entries.floor }, (_, index) =>
    textOf(entries.at(entries.floor + index)!),
  );

describe('the entries of a log of OmniPaxos', () => {
  it('are found by their slot, and no others', () => {
    const entries = entriesOf(4, 'a', 'bb');
    expect([entries.floor, entries.end, entries.size, entries.bytes]).to.deep.equal([4, 6, 2, 3]);
    expect([3, 4, 5, 6].map((slot) => entries.at(slot)?.length)).to.deep.equal([undefined, 1, 2, undefined]);
  });

  it('come in pages of so many bytes, and one that is larger comes alone', () => {
    const entries = entriesOf(4, 'aa', 'bb', 'cccccc', 'd');
    const page = (first: number, limitBytes: number) => entries.page(first, limitBytes).map(textOf);
    expect(page(4, 4)).to.deep.equal(['aa', 'bb']);
    expect(page(4, 3)).to.deep.equal(['aa']);
    expect(page(6, 4)).to.deep.equal(['cccccc']);
    expect(page(7, 4)).to.deep.equal(['d']);
    expect(page(8, 4)).to.deep.equal([]);
    expect(page(4, 100)).to.have.length(4);
    expect(thrown(() => page(3, 4), RangeError).message).to.equal('slot 3 is below the floor 4');
  });

  it('are forgotten from below, also where there are none', () => {
    const entries = entriesOf(4, 'a', 'b');
    entries.forgetBelow(5);
    expect([entries.floor, textsOf(entries), entries.bytes]).to.deep.equal([5, ['b'], 1]);
    entries.forgetBelow(9);
    expect([entries.floor, entries.end, entries.bytes]).to.deep.equal([9, 9, 0]);
    entries.append([valueOf('c')]);
    expect(textOf(entries.at(9)!)).to.equal('c');
  });

  it('are what a list of all values would say, whatever is added, cut off and forgotten', () => {
    const moves = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('append' as const), bytes: fc.array(fc.nat(5), { maxLength: 4 }) }),
        fc.record({
          kind: fc.constantFrom('truncate' as const, 'forget' as const),
          at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        }),
      ),
    );
    fc.assert(
      fc.property(moves, (sequence) => {
        const entries = entriesOf(0);
        let [all, floor]: [number[], number] = [[], 0];
        for (const move of sequence) {
          if (move.kind === 'append') {
            entries.append(move.bytes.map((bytes) => new Uint8Array(bytes)));
            all = [...all, ...move.bytes];
            continue;
          }
          const slot = floor + Math.floor(move.at * (all.length - floor + 1));
          if (move.kind === 'truncate') {
            entries.truncate(slot);
            all = all.slice(0, slot);
          } else {
            entries.forgetBelow(slot);
            floor = slot;
          }
        }
        const held = all.slice(floor);
        expect([entries.floor, entries.end, entries.size]).to.deep.equal([floor, all.length, held.length]);
        expect(entries.bytes).to.equal(held.reduce((sum, bytes) => sum + bytes, 0));
        expect(held.map((_, index) => entries.at(floor + index)?.length)).to.deep.equal(held);
      }),
    );
  });
});
