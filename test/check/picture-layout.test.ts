import { expect } from 'chai';
import type { History, HistoryEntry } from '../../src/check/history.js';
import { pictureLayout } from '../../src/check/picture-layout.js';
import { ToldClient } from '../support/history-entries.js';
import { violationIn } from '../support/history-violation.js';

const [a, b, c] = [new ToldClient('2'), new ToldClient('10'), new ToldClient('1')];

const layoutOf = (history: History, around = 200) => pictureLayout(history, violationIn(history), around);

describe('the layout of a picture', () => {
  const unknown: HistoryEntry = { ...c.append('?', 1), end: { kind: 'unknown', gaveUpAt: 2.5 } };
  const [put, lost, stale] = [a.put('1', 0, 3), b.put('2', 4, 5), c.get('1?', 6, 7)];
  const history = [stale, put, unknown, lost, a.on('other').put('x', 0, 9)];
  const { lanes, bars, columns, omitted } = layoutOf(history);
  const barOf = (entry: HistoryEntry) => bars.find((bar) => bar.entry === entry)!;

  it('has a lane a client, in the order of their names, and a bar an operation on the key', () => {
    expect(lanes).to.deep.equal([
      { client: '1', rows: 1 },
      { client: '2', rows: 1 },
      { client: '10', rows: 1 },
    ]);
    expect(bars.map(({ entry }) => entry)).to.deep.equal([put, unknown, lost, stale]);
    expect(bars.map(({ lane }) => lane)).to.deep.equal([1, 0, 2, 0]);
    expect(omitted).to.equal(0);
  });

  it('has a column a moment', () => {
    expect(bars.map(({ start, end }) => [start, end])).to.deep.equal([
      [0, 3],
      [1, 2],
      [4, 5],
      [6, 7],
    ]);
    expect(columns).to.equal(8);
  });

  it('numbers the longest legal prefix and marks what cannot follow', () => {
    expect(barOf(put).place).to.deep.equal({ number: 1, column: 0 });
    expect(barOf(lost).place).to.deep.equal({ number: 2, column: 4 });
    expect(barOf(stale).place).to.equal(undefined);
    expect(bars.filter(({ isCulprit }) => isCulprit)).to.deep.equal([barOf(stale)]);
  });

  it('lets operations that touch overlap', () => {
    const touching = [a.put('1', 0, 5), b.get('2', 5, 6)];
    expect(layoutOf(touching).bars.map(({ start, end }) => [start, end])).to.deep.equal([
      [0, 2],
      [1, 3],
    ]);
  });

  it('gives operations of one client that were under way at once rows of their own', () => {
    const many = [a.put('1', 0, 9), a.put('2', 1, 3), a.put('3', 4, 6), a.get('4', 10, 11)];
    const layout = layoutOf(many);
    expect(layout.lanes).to.deep.equal([{ client: '2', rows: 2 }]);
    expect(layout.bars.map(({ row }) => row)).to.deep.equal([0, 1, 1, 0]);
  });

  it('draws an unknown outcome to where it took effect, and a bit if nobody gave it up', () => {
    const late = a.put('1', 0);
    const never = b.put('2', 1);
    const told = [late, never, c.get(undefined, 2, 3), c.get('1', 4, 5), c.get('1', 6, 7), c.get('9', 8, 9)];
    const layout = layoutOf(told);
    expect(layout.bars.slice(0, 2).map(({ start, end }) => [start, end])).to.deep.equal([
      [0, 4],
      [1, 5],
    ]);
    expect(layout.bars[0]!.place).to.deep.equal({ number: 2, column: 2 });
  });

  it('keeps every mark inside its bar', () => {
    for (const { start, end, place } of bars)
      if (place !== undefined) expect(place.column).to.be.within(start, end);
  });

  it('shows what is near the fault', () => {
    const before = Array.from({ length: 1000 }, (_entry, index) => a.append('x', 2 * index, 2 * index + 1));
    const slow = b.append('x', 3, 5000);
    const odd = b.get('?', 2500, 2501);
    const after = Array.from({ length: 500 }, (_entry, index) =>
      c.append('x', 3000 + 2 * index, 3001 + 2 * index),
    );
    const layout = layoutOf([...before, slow, odd, ...after], 50);
    const shown = layout.bars.map(({ entry }) => entry);
    expect(shown).to.include(odd).and.include(slow);
    expect(shown).to.have.length(50 + 1 + 5);
    expect(layout.omitted).to.equal(1502 - 56);
    expect(layoutOf([...before, slow, odd, ...after], Infinity).omitted).to.equal(0);
  });
});
