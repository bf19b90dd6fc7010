import { expect } from 'chai';
import fc from 'fast-check';
import { SequenceWindow } from '../../src/kv/sequence-window.js';

/** What the window says of itself, written down the slow way. */
class NaiveWindow {
  last = 0;
  readonly settled = new Set<number>();

  constructor(private readonly size: number) {}

  get acknowledgedThrough(): number {
    let through = 0;
    while (this.settled.has(through + 1)) through += 1;
    return through;
  }

  take(): number | undefined {
    if (this.last - this.acknowledgedThrough >= this.size) return undefined;
    this.last += 1;
    return this.last;
  }
}

describe('a window of sequences', () => {
  it('hands out 1, 2, 3 and acknowledges everything below the lowest that is open', () => {
    const window = new SequenceWindow(10);
    expect(window.acknowledgedThrough).to.equal(0);
    expect([window.take(), window.take(), window.take()]).to.deep.equal([1, 2, 3]);
    window.settle(2);
    expect(window.acknowledgedThrough).to.equal(0);
    window.settle(1);
    expect(window.acknowledgedThrough).to.equal(2);
    window.settle(3);
    expect(window.acknowledgedThrough).to.equal(3);
  });

  it('is full while the lowest open sequence is a whole window behind', () => {
    const window = new SequenceWindow(2);
    expect([window.take(), window.take(), window.take()]).to.deep.equal([1, 2, undefined]);
    window.settle(2);
    expect(window.take()).to.equal(undefined);
    window.settle(1);
    expect([window.take(), window.take(), window.take()]).to.deep.equal([3, 4, undefined]);
  });

  it('agrees with a naive twin on every sequence of events', () => {
    const events = fc.array(fc.option(fc.nat({ max: 30 }), { nil: undefined }), { maxLength: 80 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), events, (size, steps) => {
        const window = new SequenceWindow(size);
        const twin = new NaiveWindow(size);
        for (const settled of steps) {
          if (settled === undefined) {
            expect(window.take()).to.equal(twin.take());
          } else if (settled >= 1 && settled <= twin.last) {
            window.settle(settled);
            twin.settled.add(settled);
          }
          expect(window.acknowledgedThrough).to.equal(twin.acknowledgedThrough);
        }
      }),
    );
  });
});
