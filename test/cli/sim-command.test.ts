import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { fewestSeedsForFloors } from '../../src/sim/floors.js';
import { drawPlan } from '../../src/sim/plan.js';
import { faultText } from '../../src/sim/fault.js';
import type { Outcome, RunOptions } from '../../src/sim/simulation.js';
import { temporaryDirectory } from '../processes/temporary-directory.js';
import { ToldClient } from '../support/history-entries.js';
import { outcomeOf } from '../sim/outcomes.js';
import { resultOf } from '../sim/seed-results.js';
import { SimWorld } from './sim-surroundings.js';

const failedBy = (check: string): Pick<Outcome, 'verdict'> => ({
  verdict: { kind: 'failed', check, message: 'it is so', atMs: 1500 },
});

/** Fails if all these faults happen and there are so many operations. */
const failsWith =
  (seed: number, needed: readonly number[], leastOperations = 1, told: Partial<Outcome> = {}) =>
  (options: RunOptions): Promise<Outcome> => {
    const { happening } = drawPlan(options);
    const fails =
      options.seed === seed &&
      needed.every((number) => happening.includes(number)) &&
      (options.operations ?? 208) >= leastOperations;
    return Promise.resolve(outcomeOf(options, fails ? { ...failedBy('a check'), ...told } : {}));
  };

const lines = (text: string): string[] => text.trimEnd().split('\n');

describe('synod sim of many seeds', () => {
  let world: SimWorld;
  beforeEach(() => {
    world = new SimWorld();
  });

  it('simulates as many as it is told, each once, from the first', async () => {
    const { exitCode, stdout, stderr } = await world.run({ seeds: 7, from: 40, jobs: 3 });
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(world.seeds).to.deep.equal([40, 41, 42, 43, 44, 45, 46]);
    expect(world.runners).to.equal(3);
    expect(lines(stdout)[0]).to.equal('paxos: 7 seeds, 7 passed, 0 failed');
    expect(stdout).to.match(/^ {2}operations finished +1470 {2}in 100\.0 % of the seeds$/m);
  });

  it('has no more jobs than seeds', async () => {
    await world.run({ seeds: 2, jobs: 8 });
    expect(world.runners).to.equal(2);
  });

  it('simulates one in fifty seeds twice', async () => {
    await world.run({ seeds: 110, from: 7 });
    const repeated = world.requests.filter(({ isRepeated }) => isRepeated);
    expect(repeated.map(({ seed }) => seed)).to.deep.equal([7, 57, 107]);
  });

  it('takes each engine in turn', async () => {
    const { stdout } = await world.run({ engine: 'all', seeds: 2 });
    const engines = world.requests.map(({ engine }) => engine);
    expect(engines).to.deep.equal(
      ['paxos', 'omnipaxos', 'primary-backup'].flatMap((engine) => [engine, engine]),
    );
    expect(stdout).to.match(/^paxos: 2 seeds[^]*^omnipaxos: 2 seeds[^]*^primary-backup: 2 seeds/m);
  });

  it('prints the line that runs a failed seed again, and a schedule as small as can be that fails as well', async () => {
    world.simulate = failsWith(5, [2, 6], 60);
    const { exitCode, stdout } = await world.run({ seeds: 8, replicas: 5 });
    expect(exitCode).to.equal(4);
    const replay = 'synod sim --engine paxos --seed 5 --replicas 5';
    const { faults } = drawPlan({ engine: 'paxos', seed: 5, replicas: 5 });
    const printed = lines(stdout);
    expect(printed[0]).to.equal(`${replay}  # a check: it is so (at 1.50 s)`);
    expect(printed[1]).to.equal(replay);
    expect(printed[2]).to.match(
      /^ {2}fails by the same check with 2 faults and 60 operations \(\d+ runs\):$/,
    );
    expect(printed.slice(3, 6)).to.deep.equal([
      `    2: ${faultText(faults[2]!)}`,
      `    6: ${faultText(faults[6]!)}`,
      `  ${replay} --operations 60 --faults 2,6`,
    ]);
    expect(stdout).to.contain('\npaxos: 8 seeds, 7 passed, 1 failed\n');
  });

  it('writes a schedule without faults so that it can be read again', async () => {
    world.simulate = failsWith(1, []);
    const { stdout } = await world.run({ seeds: 1, steps: 900 });
    expect(stdout).to.contain(
      '  synod sim --engine paxos --seed 1 --operations 1 --steps 900 --faults none\n',
    );
  });

  it('does not take another check for the same failure', async () => {
    world.simulate = (options) => {
      const isWhole = drawPlan(options).happening.length >= 10;
      return Promise.resolve(outcomeOf(options, failedBy(isWhole ? 'a check' : 'another check')));
    };
    const { stdout } = await world.run({ seeds: 1 });
    expect(stdout).to.match(/fails by the same check with 1\d faults/);
  });

  it('seeks no smaller schedule for more than three seeds', async () => {
    world.simulate = (options) => Promise.resolve(outcomeOf(options, failedBy('a check')));
    const { stdout } = await world.run({ seeds: 10 });
    expect(stdout.match(/# a check: it is so/g)).to.have.length(10);
    expect(stdout.match(/fails by the same check/g)).to.have.length(3);
  });

  it('names the first line of the trace that differs, and shrinks nothing then', async () => {
    let runs = 0;
    world.simulate = (options) => {
      runs += 1;
      options.line?.(options.seed === 1 ? `run ${runs}` : 'a line');
      return Promise.resolve(outcomeOf(options, { traceHash: options.seed === 1 ? `${runs}` : 'same' }));
    };
    const { exitCode, stdout } = await world.run({ seeds: 3 });
    expect(exitCode).to.equal(4);
    expect(lines(stdout)[0]).to.match(
      /^synod sim --engine paxos --seed 1 {2}# determinism: not deterministic: line 1 of the trace is "run \d" at first, then "run \d"/,
    );
    expect(stdout).not.to.contain('fails by the same check');
  });

  it('goes on after a seed whose process has died, with what that said', async () => {
    const { answer } = world;
    world.answer = async (request) => {
      if (request.seed !== 2) return answer(request);
      const message = 'the process exited with code 1: TypeError: x';
      const verdict = { kind: 'failed', check: 'the process lives', message, atMs: 0 } as const;
      return {
        result: { ...resultOf({ verdict }), tally: {} },
        violation: null,
        stderr: 'the stack\nof it\n',
      };
    };
    const { exitCode, stdout } = await world.run({ seeds: 4, jobs: 1 });
    expect(exitCode).to.equal(4);
    expect(stdout).to.contain('\npaxos: 4 seeds, 3 passed, 1 failed\n');
    expect(stdout).to.contain('  it said at the end:\n  the stack\n  of it\n');
    expect(stdout).to.contain('with 0 faults and 1 operation (');
  });

  it('ends with code 5 if too little happens in many seeds, and says what', async () => {
    world.simulate = (options) => {
      const { tally, ...rest } = outcomeOf(options);
      return Promise.resolve({ ...rest, tally: { ...tally, 'torn writes': 0 } });
    };
    const { exitCode, stdout } = await world.run({ seeds: fewestSeedsForFloors });
    expect(exitCode).to.equal(5);
    expect(stdout).to.contain('too little happened:\n  torn writes: in 0.0 % of the seeds; at least 10 %\n');
    expect((await new SimWorld().run({ seeds: fewestSeedsForFloors, operations: 100 })).exitCode).to.equal(0);
  });

  it('ends with code 5 if nothing happens, however few seeds there are', async () => {
    world.simulate = (options) => Promise.resolve(outcomeOf(options, { tally: {} }));
    const { exitCode, stdout } = await world.run({ seeds: 2 });
    expect(exitCode).to.equal(5);
    expect(stdout).to.contain('  faults: none in 2 seeds, so that nothing was tested\n');
  });

  it('ends at Ctrl-C with what it has', async () => {
    const { answer } = world;
    world.answer = (request) => {
      if (request.seed === 4) world.terminal.interrupt();
      return answer(request);
    };
    const { exitCode, stdout, stderr } = await world.run({ engine: 'all', jobs: 1 });
    expect(exitCode).to.equal(0);
    expect(lines(stdout)[0]).to.equal('paxos: 4 seeds, 4 passed, 0 failed');
    expect(stdout).not.to.contain('omnipaxos:');
    expect(stderr).to.equal('interrupted; this is what was done until then\n');
  });

  it('prints one object with --json', async () => {
    world.simulate = failsWith(2, [3]);
    const { exitCode, stdout, stderr } = await world.run({ seeds: 3, json: true });
    expect([exitCode, stderr, world.terminal.shown]).to.deep.equal([4, '', []]);
    const { interrupted, engines } = JSON.parse(stdout) as {
      interrupted: boolean;
      engines: [Record<string, unknown>];
    };
    expect(interrupted).to.equal(false);
    expect(engines).to.have.length(1);
    expect(engines[0]).to.deep.include({ engine: 'paxos', seeds: 3, passed: 2, missed: [] });
    expect(engines[0]).to.have.nested.property(
      'failures[0].shrunk.replay',
      'synod sim --engine paxos --seed 2 --operations 1 --faults 3',
    );
  });
});

describe('synod sim of one seed', () => {
  let world: SimWorld;
  beforeEach(() => {
    world = new SimWorld();
  });

  it('prints its schedule, what happened, its verdict, and the trace hash of two runs', async () => {
    const { exitCode, stdout } = await world.run({ seed: 9 });
    expect(exitCode).to.equal(0);
    expect(world.requests).to.have.length(1);
    expect(world.requests[0]).to.include({ seed: 9, isRepeated: true });
    const { faults } = drawPlan({ engine: 'paxos', seed: 9 });
    expect(lines(stdout)[0]).to.equal('synod sim --engine paxos --seed 9');
    for (const [number, fault] of faults.entries())
      expect(stdout).to.contain(`${number}: ${faultText(fault)}\n`);
    expect(stdout).to.match(
      /^ {2}messages delivered: 3000$[^]*^passed$[^]*^trace ab, the same in two runs$/m,
    );
  });

  it('says which faults are left out', async () => {
    const { stdout } = await world.run({ seed: 9, faults: [1] });
    const { length } = drawPlan({ engine: 'paxos', seed: 9 }).faults;
    expect(lines(stdout)[0]).to.equal('synod sim --engine paxos --seed 9 --faults 1');
    expect(stdout.match(/ \(left out\)\n/g)).to.have.length(length - 1);
    expect(stdout).not.to.match(/^ +1: .*left out/m);
  });

  it('prints the trace between schedule and verdict', async () => {
    world.simulate = (options) => {
      options.line?.('a line of the trace');
      return Promise.resolve(outcomeOf(options));
    };
    const { stdout } = await world.run({ seed: 9, trace: true });
    expect(stdout.match(/^a line of the trace$/gm)).to.have.length(1);
  });

  it('explains a violation by its smallest schedule, and draws it', async () => {
    const directory = await temporaryDirectory();
    try {
      const [one, other] = [new ToldClient('1', 'the-key'), new ToldClient('2', 'the-key')];
      const history = [one.put('x', 1, 2), other.get('y', 3, 4)];
      world.simulate = failsWith(9, [2], 1, { ...failedBy('linearizability'), history });
      const picture = join(directory.path, 'picture.html');
      const { exitCode, stdout } = await world.run({ seed: 9, picture });
      expect(exitCode).to.equal(4);
      expect(stdout).to.match(/^failed: it is so$/m);
      expect(stdout).to.match(/^ {2}Client 2 called get on key "the-key" and was answered "y"/m);
      expect(stdout).to.contain(`  drawn in ${picture}\n`);
      expect(await readFile(picture, 'utf8')).to.contain('the-key');
      expect(world.requests.at(-1)).to.deep.include({ onlyFaults: [2], operations: 1, isExplained: true });
    } finally {
      await directory.remove();
    }
  });

  it('has no verdict if it is interrupted', async () => {
    world.answer = () => {
      world.terminal.interrupt();
      return Promise.resolve(undefined);
    };
    const { exitCode, stderr } = await world.run({ seed: 9 });
    expect([exitCode, stderr]).to.deep.equal([0, 'interrupted; the seed has no verdict\n']);
  });

  it('says when a dead end is its end', async () => {
    world.simulate = (options) =>
      Promise.resolve(outcomeOf(options, { verdict: { kind: 'dead-end', message: 'all is lost' } }));
    const { exitCode, stdout } = await world.run({ seed: 9, engine: 'primary-backup' });
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^dead-end: all is lost$/m);
  });

  it('prints one object with --json', async () => {
    const { stdout } = await world.run({ seed: 9, json: true, faults: [0] });
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report).to.include({
      engine: 'paxos',
      seed: 9,
      verdict: 'passed',
      traceHash: 'ab',
      failure: null,
    });
    expect(report).to.have.nested.property('faults[0].happens', true);
    expect(report).to.have.nested.property('faults[1].happens', false);
  });
});
