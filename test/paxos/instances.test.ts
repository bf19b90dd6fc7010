import { expect } from 'chai';
import fc from 'fast-check';
import { Instances } from '../../src/paxos/instances.js';
import { InvariantViolation } from '../../src/log/invariant-violation.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';

const decided = { phase: 'decided', value: valueOf('value') } as const;
const ballot = ballotOf(1, 1);
const promised = { phase: 'open', promised: ballot, vote: undefined } as const;
const voted = { phase: 'open', promised: ballot, vote: { ballot, value: valueOf('value') } } as const;

type Event =
  | { readonly kind: 'promise' | 'vote' | 'decide' | 'meet'; readonly slot: number }
  | { readonly kind: 'forget'; readonly floor: number };

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        kind: fc.constantFrom('promise' as const, 'vote' as const, 'decide' as const, 'meet' as const),
        slot: fc.nat(12),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), floor: fc.nat(15) }) },
  ),
  { maxLength: 40 },
);

/** Remembers sets of slots and works everything out from them. */
class NaiveInstances {
  readonly met = new Set<number>();
  readonly reached = new Set<number>();
  readonly decided = new Set<number>();
  floor = 0;

  get max(): number | undefined {
    return this.met.size === 0 ? undefined : Math.max(...this.met);
  }

  get reach(): number | undefined {
    const reach = Math.max(this.floor - 1, ...this.reached);
    return reach < 0 ? undefined : reach;
  }

  get learnedThrough(): number | undefined {
    let through = -1;
    while (through + 1 < this.floor || this.decided.has(through + 1)) through += 1;
    return through < 0 ? undefined : through;
  }

  get held(): number[] {
    return [...this.met].filter((slot) => slot >= this.floor);
  }
}

describe('the instances of a peer', () => {
  it('are counted as by one that keeps sets of slots', () => {
    fc.assert(
      fc.property(events, (sequence) => {
        const instances = new Instances();
        const naive = new NaiveInstances();
        for (const event of sequence) {
          if (event.kind === 'forget') {
            if (event.floor < naive.floor) continue;
            instances.forgetBelow(event.floor, event.floor, 0);
            naive.floor = event.floor;
          } else {
            const { kind, slot } = event;
            if (slot < naive.floor) continue;
            const before = instances.obtain(slot).acceptor;
            naive.met.add(slot);
            if (kind === 'decide') {
              instances.advance(slot, decided);
              naive.decided.add(slot);
              naive.reached.add(slot);
            } else if (kind === 'vote' && before.phase === 'open') {
              instances.advance(slot, voted);
              naive.reached.add(slot);
            } else if (kind === 'promise' && before.phase === 'open' && before.vote === undefined) {
              instances.advance(slot, promised);
            }
          }
          const { floor, max, reach, learnedThrough, held } = naive;
          expect({
            floor: instances.floor,
            max: instances.max,
            reach: instances.reach,
            learnedThrough: instances.learnedThrough,
            size: instances.size,
          }).to.deep.equal({ floor, max, reach, learnedThrough, size: held.length });
          const [first, last] = [floor + 2, floor + 5];
          expect(instances.heldBetween(first, last)).to.deep.equal(
            held.filter((slot) => slot >= first && slot <= last).sort((left, right) => left - right),
          );
          const undecided = held.filter((slot) => !naive.decided.has(slot));
          expect(instances.open().map(([slot]) => slot)).to.deep.equal(
            undecided.sort((left, right) => left - right),
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are made when first met, and found again', () => {
    const instances = new Instances();
    expect(instances.find(3)).to.equal(undefined);
    expect(instances.size).to.equal(0);
    const instance = instances.obtain(3);
    expect(instances.obtain(3)).to.equal(instance);
    expect(instances.find(3)).to.equal(instance);
    expect(instances.size).to.equal(1);
  });

  it('are never made below the floor', () => {
    const instances = new Instances();
    instances.forgetBelow(4, 4, 0);
    expect(thrown(() => instances.obtain(3), RangeError).message).to.include('slot 3');
    thrown(() => instances.advance(3, decided), RangeError);
    expect(instances.find(3)).to.equal(undefined);
    expect(instances.size).to.equal(0);
  });

  it('end their proposers when they are forgotten, and no others', () => {
    const instances = new Instances();
    const proposers = [2, 3, 4].map((slot) => {
      const proposing = new AbortController();
      instances.obtain(slot).proposing = proposing;
      return proposing;
    });
    instances.forgetBelow(4, 9, 0);
    expect(proposers.map(({ signal }) => signal.aborted)).to.deep.equal([true, true, false]);
    expect(instances.find(3)).to.equal(undefined);
    expect(instances.find(4)).to.not.equal(undefined);
  });

  it('keep their max when they are forgotten', () => {
    const instances = new Instances();
    instances.obtain(7);
    instances.forgetBelow(9, 9, 0);
    expect(instances.max).to.equal(7);
    expect(instances.size).to.equal(0);
  });

  it('refuse to be forgotten past min, or to come back', () => {
    const instances = new Instances();
    thrown(() => instances.forgetBelow(5, 4, 4), InvariantViolation);
    instances.forgetBelow(4, 4, 0);
    thrown(() => instances.forgetBelow(3, 4, 0), InvariantViolation);
    expect(instances.floor).to.equal(4);
  });

  it('refuse a step that breaks an invariant, and stay as they were', () => {
    const instances = new Instances();
    instances.advance(2, decided);
    thrown(() => instances.advance(2, promised), InvariantViolation);
    expect(instances.find(2)?.acceptor).to.equal(decided);
  });
});
