import { expect } from 'chai';
import { fewestSeedsForFloors, missedFloors, nothingHappened } from '../../src/sim/floors.js';
import { kindGroups, kindsOf } from '../../src/sim/kinds.js';
import { simulatedEngines, type SeedResult } from '../../src/sim/seed-result.js';
import { mergedTotals, noTotals, occurrenceOf, totals, withSeed, type Totals } from '../../src/sim/totals.js';
import { resultOf, type ResultOptions } from './seed-results.js';

const failed = { kind: 'failed', check: 'linearizability', message: 'no order', atMs: 1 } as const;
const deadEnd = { kind: 'dead-end', message: 'nobody has the data' } as const;

const totalsOf = (results: readonly SeedResult[]): Totals =>
  results.reduce(withSeed, noTotals(results[0]!.engine));

/** As many seeds as the floors need, alike but for what is told of them. */
const many = (count: number, options: (seed: number) => ResultOptions = () => ({})): Totals =>
  totalsOf(Array.from({ length: count }, (_result, seed) => resultOf({ seed, ...options(seed) })));

describe('totals', () => {
  it('count seeds by their verdicts, and name those that failed', () => {
    const sums = totalsOf([
      resultOf({ seed: 9, verdict: failed }),
      resultOf({ seed: 1 }),
      resultOf({ seed: 2, verdict: deadEnd }),
      resultOf({ seed: 3, verdict: failed }),
    ]);
    expect(sums).to.include({ seeds: 4, passed: 1, deadEnds: 1, steps: 4000, simulatedMs: 80_000 });
    expect(sums.failed).to.deep.equal([
      { seed: 3, check: 'linearizability' },
      { seed: 9, check: 'linearizability' },
    ]);
  });

  it('count what happened, and in how many seeds', () => {
    const sums = totalsOf([4, 0, 3].map((elections) => resultOf({ tally: { elections } })));
    expect(occurrenceOf(sums, 'elections')).to.deep.equal({ count: 7, seeds: 2 });
    expect(occurrenceOf(sums, 'nothing of the kind')).to.deep.equal({ count: 0, seeds: 0 });
  });

  it('count operations of seeds that passed only', () => {
    const lost = { 'operations finished': 50, 'operations certainly not executed': 150 };
    const sums = totalsOf([resultOf(), resultOf({ verdict: deadEnd, tally: lost, clients: 1 })]);
    expect(sums.operations).to.deep.equal({ begun: 212, finished: 210 });
    expect(sums.fewest).to.deep.equal({ operations: 212, clients: 5, faultsDrawn: 12 });
  });

  it('are the same in whatever parts and order they are added up', () => {
    const results = Array.from({ length: 20 }, (_result, seed) =>
      resultOf({
        seed,
        tally: { [`kind ${seed % 3}`]: seed },
        clients: 4 + (seed % 5),
        faultsDrawn: 10 + seed,
      }),
    );
    const whole = totalsOf(results);
    const backwards = [...results].reverse();
    const parts = mergedTotals(totalsOf(backwards.slice(0, 7)), totalsOf(backwards.slice(7)));
    expect(parts).to.deep.equal(whole);
    expect(mergedTotals(noTotals('paxos'), whole)).to.deep.equal(whole);
  });

  it('are not added up over engines', () => {
    expect(() => mergedTotals(noTotals('paxos'), noTotals('omnipaxos'))).to.throw(
      RangeError,
      /paxos and omnipaxos cannot be merged/,
    );
  });

  it('have the form in which they are written', () => {
    const sums = totalsOf([resultOf({ verdict: failed }), resultOf()]);
    expect(totals.parse(JSON.parse(JSON.stringify(sums)))).to.deep.equal(sums);
    expect(totals.parse(noTotals('paxos'))).to.deep.equal(noTotals('paxos'));
  });
});

describe('the floors of totals', () => {
  it('are met by seeds in which everything happens', () => {
    for (const engine of simulatedEngines) {
      const sums = many(fewestSeedsForFloors, () => ({ engine }));
      expect([...missedFloors(sums), ...nothingHappened(sums)]).to.deep.equal([]);
    }
  });

  it('are for so many seeds that shares say something', () => {
    expect(missedFloors(many(fewestSeedsForFloors - 1, () => ({ clients: 1 })))).to.deep.equal([]);
    expect(missedFloors(many(fewestSeedsForFloors, () => ({ clients: 1 })))).to.have.length(1);
  });

  for (const engine of simulatedEngines) {
    it(`name each kind of ${engine} that happens in less than a tenth of the seeds`, () => {
      for (const kind of kindsOf(engine)) {
        const rare = many(400, (seed) => ({ engine, tally: { [kind]: seed < 38 ? 5 : 0 } }));
        const enough = many(400, (seed) => ({ engine, tally: { [kind]: seed < 40 ? 1 : 0 } }));
        expect(missedFloors(rare), kind).to.deep.equal([`${kind}: in 9.5 % of the seeds; at least 10 %`]);
        expect(missedFloors(enough), kind).to.deep.equal([]);
      }
    });
  }

  const tooLittle: readonly (readonly [string, (seed: number) => ResultOptions, RegExp])[] = [
    [
      'operations that do not finish',
      () => ({ tally: { 'operations unknown': 20 } }),
      /^operations finished: 91\.3 %; at least 95 %$/,
    ],
    [
      'one seed with few operations',
      (seed) => (seed === 5 ? { tally: { 'operations finished': 190 } } : {}),
      /^operations begun in the seed with the fewest: 192; at least 200$/,
    ],
    [
      'one seed with few clients',
      (seed) => (seed === 5 ? { clients: 3 } : {}),
      /^clients in the seed with the fewest: 3; at least 4$/,
    ],
    [
      'one seed with few faults drawn',
      (seed) => (seed === 5 ? { faultsDrawn: 9 } : {}),
      /^faults drawn in the seed with the fewest: 9; at least 10$/,
    ],
    [
      'faults that do not happen',
      (seed) => ({ tally: { faults: seed % 2 === 0 ? 8 : 11 } }),
      /^faults that happened, on average: 9.5; at least 10$/,
    ],
  ];
  for (const [name, options, pattern] of tooLittle) {
    it(`name ${name}`, () => {
      const missed = missedFloors(many(fewestSeedsForFloors, options));
      expect(missed).to.have.length(1);
      expect(missed[0]).to.match(pattern);
    });
  }

  it('have seeds in a dead end apart', () => {
    const sums = many(fewestSeedsForFloors, (seed) =>
      seed < 30 ? { verdict: deadEnd, tally: { 'operations finished': 0, 'operations unknown': 60 } } : {},
    );
    expect(missedFloors(sums)).to.deep.equal([]);
  });

  it('name what did not happen at all, in whatever few seeds', () => {
    const nothing = { 'operations finished': 0, faults: 0, 'messages delivered': 0 };
    const lines = nothingHappened(totalsOf([resultOf({ tally: nothing })]));
    expect(lines.map((line) => line.split(':')[0])).to.deep.equal(Object.keys(nothing));
    expect(nothingHappened(noTotals('paxos'))).to.have.length(3);
  });
});

describe('the kinds that are known', () => {
  it('have a group each, and are in it once', () => {
    const grouped = kindGroups.flatMap(({ names }) => names);
    expect(grouped).to.have.length(new Set(grouped).size);
    for (const engine of simulatedEngines) expect(grouped).to.include.members([...kindsOf(engine)]);
  });
});
