import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { shrink, type Schedule, type Shrunk } from '../../src/sim/shrink.js';

const faults = Array.from({ length: 14 }, (_fault, number) => number);

interface Search {
  readonly schedule?: Schedule;
  readonly fails: (candidate: Schedule) => boolean;
  readonly runLimit?: number;
  readonly timeLimitMs?: number;
}

/** Seeks the smallest schedule, a run taking a millisecond, and keeps what was tried. */
async function sought({
  schedule = { faults, operations: 208 },
  fails,
  runLimit = 1000,
  timeLimitMs = 1000,
}: Search) {
  const tried: Schedule[] = [];
  const shrunk: Shrunk = await shrink({
    schedule,
    fails: (candidate) => {
      tried.push(candidate);
      return Promise.resolve(fails(candidate));
    },
    runLimit,
    timeLimitMs,
    clock: { now: () => tried.length },
  });
  return { shrunk, tried };
}

const needs =
  (...needed: readonly number[]) =>
  (candidate: Schedule): boolean =>
    needed.every((number) => candidate.faults.includes(number));

describe('shrinking a schedule', () => {
  it('finds the only faults that are needed, wherever they are', async () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const needed = faults.filter(() => random.below(4) === 0);
      const { shrunk, tried } = await sought({ fails: needs(...needed) });
      expect(shrunk.faults, `seed ${seed}`).to.deep.equal(needed);
      expect(shrunk).to.include({ operations: 1, isMinimal: true, runs: tried.length });
    }
  });

  it('leaves no fault that can be left out, whatever the others do together', async () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const groups = Array.from({ length: 3 }, () => faults.filter(() => random.below(3) === 0));
      const fails = (candidate: Schedule) => groups.some((group) => needs(...group)(candidate));
      const { shrunk } = await sought({
        fails: (candidate) => candidate.faults === faults || fails(candidate),
      });
      for (const left of shrunk.faults) {
        const without = { ...shrunk, faults: shrunk.faults.filter((fault) => fault !== left) };
        expect(fails(without), `${left} of ${shrunk.faults.join()} in seed ${seed}`).to.equal(false);
      }
    }
  });

  it('finds that no fault is needed', async () => {
    const { shrunk } = await sought({ fails: () => true });
    expect(shrunk).to.deep.include({ faults: [], operations: 1, isMinimal: true });
  });

  it('lowers the operations as far as it fails', async () => {
    for (const least of [1, 2, 60, 104, 207, 208]) {
      const { shrunk } = await sought({ fails: ({ operations }) => operations >= least });
      expect(shrunk.operations).to.equal(least);
    }
  });

  it('leaves out what is not needed any more with fewer operations', async () => {
    const fails = ({ faults: left, operations }: Schedule) =>
      left.includes(3) && (operations < 100 || left.includes(4)) && operations >= 50;
    const { shrunk } = await sought({ fails });
    expect(shrunk).to.deep.include({ faults: [3], operations: 50, isMinimal: true });
  });

  it('answers only what failed', async () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const failing = new Set<string>();
      const fails = (candidate: Schedule) => {
        const random = seededRandom(seed + candidate.faults.length * 1000 + candidate.operations);
        const hasFailed = random.below(2) === 0;
        if (hasFailed) failing.add(JSON.stringify(candidate));
        return hasFailed;
      };
      const { shrunk } = await sought({ fails });
      const { faults: left, operations } = shrunk;
      const asItWas = left.length === faults.length && operations === 208;
      expect(asItWas || failing.has(JSON.stringify({ faults: left, operations })), `seed ${seed}`).to.equal(
        true,
      );
    }
  });

  it('answers the schedule itself if nothing smaller fails', async () => {
    const { shrunk } = await sought({ fails: needs(...faults), runLimit: 10_000, timeLimitMs: 10_000 });
    expect(shrunk.faults).to.deep.equal(faults);
    expect((await sought({ fails: () => false })).shrunk).to.deep.include({ faults, operations: 208 });
  });

  it('ends at its limit of runs or of time, with the smallest so far', async () => {
    for (const limit of [{ runLimit: 5 }, { timeLimitMs: 5 }]) {
      const { shrunk, tried } = await sought({ fails: needs(2, 11), ...limit });
      expect(tried).to.have.length(5);
      expect(shrunk).to.include({ runs: 5, isMinimal: false });
      expect(shrunk.faults).to.include.members([2, 11]);
    }
  });

  it('takes few runs where few faults matter', async () => {
    for (const number of faults) {
      const { tried } = await sought({ fails: needs(number) });
      expect(tried.length).to.be.below(40);
    }
  });
});
