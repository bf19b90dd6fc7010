import { expect } from 'chai';
import { simulateTwice, type Simulate } from '../../src/sim/repeat.js';
import { simulate, type Outcome } from '../../src/sim/simulation.js';
import { outcomeOf } from './outcomes.js';

/** Runs that write these lines, one after the other. */
function runs(...traces: readonly (readonly string[])[]): Simulate {
  let run = 0;
  return (options) => {
    const lines = traces[run % traces.length]!;
    run += 1;
    for (const line of lines) options.line?.(line);
    return Promise.resolve(outcomeOf(options, { traceHash: lines.join(' ') }));
  };
}

const seven = { engine: 'paxos', seed: 7 } as const;

/** Simulates one step of a world, from within a callback. */
const oneStep = async (call: (callback: () => void) => void): Promise<string> => {
  const outcome = await new Promise<Outcome>((resolve, reject) => {
    call(() => void simulate({ ...seven, steps: 1 }).then(resolve, reject));
  });
  return outcome.traceHash;
};

describe('simulating a seed twice', () => {
  it('has the same first step whoever begins it', async () => {
    expect(await oneStep(setImmediate)).to.equal(await oneStep(queueMicrotask));
  });

  it('has the outcome of one run if both are the same', async () => {
    const outcome = await simulateTwice(seven, runs(['a', 'b']));
    expect(outcome).to.deep.include({ verdict: { kind: 'passed' }, traceHash: 'a b' });
  });

  const differences: readonly (readonly [string, readonly string[], readonly string[], RegExp])[] = [
    [
      'a line that differs',
      ['a', 'b', 'c'],
      ['a', 'x', 'y'],
      /line 2 of the trace is "b" at first, then "x"$/,
    ],
    ['a line too few', ['a', 'b'], ['a'], /line 2 of the trace is "b" at first, then none$/],
    ['a line too many', ['a'], ['a', 'b'], /line 2 of the trace is none at first, then "b"$/],
  ];
  for (const [name, first, second, pattern] of differences) {
    it(`fails, and names ${name}`, async () => {
      const { verdict, traceHash } = await simulateTwice(seven, runs(first, second));
      expect(traceHash).to.equal(first.join(' '));
      expect(verdict).to.include({ kind: 'failed', check: 'determinism' });
      expect(verdict).to.have.property('message').that.matches(pattern);
    });
  }

  it('says so if the difference does not come again', async () => {
    const { verdict } = await simulateTwice(seven, runs(['a'], ['b'], ['a'], ['a']));
    expect(verdict).to.have.property('message').that.contains('two more had the same');
  });

  it('tells the lines of the first run only', async () => {
    const lines: string[] = [];
    await simulateTwice({ ...seven, line: (line) => lines.push(line) }, runs(['a', 'b']));
    expect(lines).to.deep.equal(['a', 'b']);
  });
});
