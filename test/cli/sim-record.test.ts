import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { CommandFailure } from '../../src/cli/command-failure.js';
import { sourceOf } from '../../src/cli/sim-record.js';
import { outcomeOf } from '../sim/outcomes.js';
import { temporaryDirectory, type TemporaryDirectory } from '../processes/temporary-directory.js';
import type { Ran } from './fake-terminal.js';
import { SimWorld } from './sim-surroundings.js';

const failed = { kind: 'failed', check: 'a check', message: 'it is so', atMs: 1 } as const;

describe('the record of synod sim', () => {
  let directory: TemporaryDirectory;
  let record: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    record = join(directory.path, 'parts.jsonl');
  });
  afterEach(() => directory.remove());

  async function ranSeeds(from: number, seeds: number, source = { commit: 'c0ffee', isClean: true }) {
    const world = new SimWorld();
    world.source = source;
    const ran = await world.run({ from, seeds, record });
    return { ...ran, seeds: world.seeds };
  }

  const totals = (json = false): Promise<Ran> => new SimWorld().run({ totals: record, json });
  const recorded = async (): Promise<unknown[]> =>
    (await readFile(record, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  it('has a line for each part of a thousand seeds, and for the rest', async () => {
    await ranSeeds(1, 2300);
    const parts = await recorded();
    expect(parts.map((part) => (part as { from: number }).from)).to.deep.equal([1, 1001, 2001]);
    expect(parts[2]).to.deep.include({
      engine: 'paxos',
      seeds: 300,
      replicas: 3,
      operations: 208,
      commit: 'c0ffee',
      isClean: true,
    });
    expect(parts[2]).to.have.nested.property('totals.passed', 300);
  });

  it('saves simulating a part again, and counts it', async () => {
    await ranSeeds(1, 1000);
    const { seeds, stdout } = await ranSeeds(1, 1200);
    expect(seeds).to.have.length(200);
    expect(stdout).to.match(/^paxos: 1200 seeds, 1200 passed, 0 failed$/m);
    expect((await ranSeeds(1, 1200)).seeds).to.deep.equal([]);
  });

  it('keeps a failure of a part that is not simulated again', async () => {
    const world = new SimWorld();
    world.simulate = (options) =>
      Promise.resolve(outcomeOf(options, options.seed === 8 ? { verdict: failed } : {}));
    expect((await world.run({ seeds: 10, record })).exitCode).to.equal(4);
    const again = await ranSeeds(1, 10);
    expect([again.seeds, again.exitCode]).to.deep.equal([[], 4]);
    const { exitCode, stdout } = await totals();
    expect(exitCode).to.equal(4);
    expect(stdout).to.match(/^synod sim --engine paxos --seed 8 {2}# a check$/m);
  });

  it('does not take a part of another commit, or of a tree that was changed, for one of this', async () => {
    await ranSeeds(1, 100, { commit: 'another', isClean: true });
    await ranSeeds(1, 100, { commit: 'c0ffee', isClean: false });
    expect((await ranSeeds(1, 100)).seeds).to.have.length(100);
    expect((await ranSeeds(1, 100, { commit: 'c0ffee', isClean: false })).seeds).to.have.length(100);
  });

  it('adds up what one commit has, says what is missing, and leaves others out', async () => {
    await ranSeeds(1, 100, { commit: 'another', isClean: true });
    await ranSeeds(301, 100);
    await ranSeeds(1, 100);
    await ranSeeds(101, 100);
    const { exitCode, stdout } = await totals();
    expect(exitCode).to.equal(0);
    expect(stdout).to.match(/^commit c0ffee; 1 parts of other commits are left out$/m);
    expect(stdout).to.match(/^seeds 1 to 200, 301 to 400; missing: 201 to 300$/m);
    expect(stdout).to.match(/^paxos: 300 seeds, 300 passed, 0 failed$/m);
  });

  it('counts no seed twice', async () => {
    await ranSeeds(1, 100);
    await ranSeeds(51, 100);
    await ranSeeds(101, 100);
    const { stdout } = await totals(true);
    const { series } = JSON.parse(stdout) as { series: [{ stretches: unknown; report: { seeds: number } }] };
    expect(series[0].stretches).to.deep.equal([[1, 200]]);
    expect(series[0].report.seeds).to.equal(200);
  });

  it('survives a line that was cut short', async () => {
    await ranSeeds(1, 100);
    await appendFile(record, '{"engine":"paxos","fr');
    await ranSeeds(101, 100);
    expect((await totals()).stdout).to.match(/^seeds 1 to 200$/m);
  });

  it('is not added to by a run that is interrupted', async () => {
    const world = new SimWorld();
    const { answer } = world;
    world.answer = (request) => {
      if (request.seed === 1500) world.terminal.interrupt();
      return answer(request);
    };
    await world.run({ seeds: 2000, record, jobs: 1 });
    expect(await recorded()).to.have.length(1);
  });

  it('must have parts to be added up', async () => {
    const refused = await totals().catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(CommandFailure);
    expect(refused)
      .to.have.property('message')
      .that.matches(/has no parts; synod sim --seeds 1000 --record/);
  });

  it('names the commit of this checkout, or says that there is none', async () => {
    const source = await sourceOf().catch((error: unknown) => error);
    if (source instanceof CommandFailure) expect(source.message).to.match(/no git checkout; leave it out$/);
    else
      expect(source)
        .to.have.property('commit')
        .that.matches(/^[0-9a-f]{40}$/);
  });
});
