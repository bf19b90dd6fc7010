import { expect } from 'chai';
import fc from 'fast-check';
import { DoneMap, type DoneEntry } from '../../src/log/done-map.js';
import { doneEntry, idsOf } from '../support/rosters.js';

const members = idsOf(1, 2, 7);

describe('the Done values', () => {
  it('hold min at 0 until every member has said something', () => {
    const map = new DoneMap(members);
    expect(map.min()).to.equal(0);
    map.merge(doneEntry(1, 5));
    map.merge(doneEntry(2, 9));
    expect(map.min()).to.equal(0);
    map.merge(doneEntry(7, 3));
    expect(map.min()).to.equal(4);
  });

  it('rise and never fall', () => {
    const map = new DoneMap(members);
    expect(map.merge(doneEntry(1, 5))).to.equal(true);
    expect(map.merge(doneEntry(1, 5))).to.equal(false);
    expect(map.merge(doneEntry(1, 4))).to.equal(false);
    expect(map.merge(doneEntry(1, undefined))).to.equal(false);
    expect(map.throughOf(members[0]!)).to.equal(5);
    expect(map.merge(doneEntry(1, 6))).to.equal(true);
    expect(map.throughOf(members[0]!)).to.equal(6);
  });

  it('tell slot 0 from nothing', () => {
    const map = new DoneMap(members);
    for (const id of [1, 2, 7]) expect(map.merge(doneEntry(id, 0))).to.equal(true);
    expect(map.min()).to.equal(1);
  });

  it('are kept of members only', () => {
    const map = new DoneMap(members);
    expect(map.merge(doneEntry(3, 100))).to.equal(false);
    expect(map.entries()).to.deep.equal([]);
    expect(map.throughOf(idsOf(3)[0]!)).to.equal(undefined);
  });

  it('are told on with the process that said them', () => {
    const map = new DoneMap(members);
    map.merge(doneEntry(2, 9));
    expect(map.entries()).to.deep.equal([doneEntry(2, 9)]);
  });

  it('tell whoever listens that one has risen, and only then', () => {
    const map = new DoneMap(members);
    const mins: number[] = [];
    map.onRise(() => mins.push(map.min()));
    map.merge(doneEntry(1, 5));
    map.merge(doneEntry(2, 9));
    map.merge(doneEntry(1, 4));
    map.merge(doneEntry(3, 9));
    map.merge(doneEntry(7, 3));
    expect(mins).to.deep.equal([0, 0, 4]);
  });

  it('come out alike in whatever order, and however often, they were heard', () => {
    const heard: fc.Arbitrary<DoneEntry[]> = fc.array(
      fc
        .tuple(fc.constantFrom(1, 2, 3, 7), fc.option(fc.nat(50), { nil: undefined }))
        .map(([replica, through]) => doneEntry(replica, through)),
      { maxLength: 30 },
    );
    /** The same, from the whole history at once. */
    const naiveMin = (history: readonly DoneEntry[]): number => {
      const nextOf = members.map((member) => {
        const throughs = history
          .filter(({ replica }) => replica === member)
          .map(({ through }) => through ?? -1);
        return Math.max(-1, ...throughs) + 1;
      });
      return nextOf.sort((left, right) => left - right)[0]!;
    };
    fc.assert(
      fc.property(heard, heard, (first, second) => {
        const map = new DoneMap(members);
        let last = map.min();
        for (const entry of [...first, ...second, ...first]) {
          map.merge(entry);
          expect(map.min()).to.be.at.least(last);
          last = map.min();
        }
        const reversed = new DoneMap(members);
        for (const entry of [...second, ...first].reverse()) reversed.merge(entry);
        expect(map.min()).to.equal(naiveMin([...first, ...second]));
        expect(reversed.min()).to.equal(map.min());
      }),
    );
  });
});
