import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { SeedProcess, processLives } from '../../src/cli/sim-process.js';
import type { SeedReply, SeedRequest } from '../../src/cli/sim-request.js';

const path = fileURLToPath(new URL('planted-sim-worker.js', import.meta.url));

const requestOf = (seed: number): SeedRequest => ({
  engine: 'paxos',
  seed,
  replicas: 3,
  operations: 208,
  isRepeated: false,
  isExplained: false,
  isTraced: false,
});

describe('a process that simulates seeds', () => {
  let seeds: SeedProcess;
  beforeEach(() => {
    seeds = new SeedProcess({ printsTrace: false, path });
  });
  afterEach(() => seeds.close());

  const verdictOf = async (seed: number): Promise<SeedReply['result']['verdict'] | undefined> =>
    (await seeds.run(requestOf(seed)))?.result.verdict;

  it('answers one seed after the other', async () => {
    for (const seed of [10, 11, 12]) {
      const reply = await seeds.run(requestOf(seed));
      expect(reply).to.have.nested.property('result.seed', seed);
      expect(reply).to.deep.include({ violation: null, stderr: '' });
    }
  });

  const deaths: readonly (readonly [string, number, RegExp, RegExp])[] = [
    [
      'a promise is rejected that nobody handles',
      1,
      /exited with code 1: TypeError: nobody handles/,
      /at planted/,
    ],
    ['the code throws', 2, /exited with code 1: RangeError: it threw$/, /at planted/],
    ['the process ends itself', 4, /exited with code 7$/, /^$/],
    ['the process is killed', 5, /was killed by SIGTERM$/, /^$/],
  ];
  for (const [name, seed, message, stderr] of deaths) {
    it(`fails a seed if ${name}, and goes on with the next`, async () => {
      const reply = await seeds.run(requestOf(seed));
      expect(reply?.result.verdict).to.include({ kind: 'failed', check: processLives });
      expect(reply?.result.verdict).to.have.property('message').that.matches(message);
      expect(reply?.stderr).to.match(stderr);
      expect(await verdictOf(10)).to.deep.equal({ kind: 'passed' });
    });
  }

  it('fails a seed that comes to no end', async () => {
    const reply = await seeds.run(requestOf(3), 200);
    expect(reply?.result.verdict)
      .to.have.property('message')
      .that.equals('the process had no verdict after 0.2 s of real time');
    expect(await verdictOf(10)).to.deep.equal({ kind: 'passed' });
  });

  it('answers nothing once it is closed', async () => {
    const answer = verdictOf(3);
    seeds.close();
    expect(await answer).to.equal(undefined);
    expect(await verdictOf(10)).to.equal(undefined);
  });
});
