import { simCommand, type SimSurroundings } from '../../src/cli/sim-command.js';
import type { SimFlags } from '../../src/cli/sim-plan.js';
import { answerSeed, type SeedReply, type SeedRequest, type SeedRunner } from '../../src/cli/sim-request.js';
import type { Source } from '../../src/cli/sim-record.js';
import type { Simulate } from '../../src/sim/repeat.js';
import { outcomeOf } from '../sim/outcomes.js';
import { FakeTerminal, type Ran } from './fake-terminal.js';

/** A command that simulates in this process, or as the test says. */
export class SimWorld {
  readonly terminal = new FakeTerminal();
  /** What was simulated, in order; a seed that runs twice is there once. */
  readonly requests: SeedRequest[] = [];
  simulate: Simulate = (options) => Promise.resolve(outcomeOf(options));
  /** What a runner answers instead of simulating. */
  answer: (request: SeedRequest) => Promise<SeedReply | undefined> = (request) =>
    answerSeed(request, { simulate: this.simulate, line: (line) => this.terminal.out(`${line}\n`) });
  source: Source = { commit: 'c0ffee', isClean: true };
  runners = 0;

  readonly #surroundings: SimSurroundings = {
    newRunner: () => this.#newRunner(),
    sourceOf: () => Promise.resolve(this.source),
  };

  /** Runs the command with these flags, the others as by default. */
  async run(flags: Partial<SimFlags>): Promise<Ran> {
    const all: SimFlags = {
      engine: 'paxos',
      seeds: 100,
      from: 1,
      replicas: 3,
      operations: 208,
      jobs: 2,
      ...flags,
    };
    const exitCode = await simCommand(all, this.terminal, this.#surroundings);
    return { exitCode, stdout: this.terminal.stdout, stderr: this.terminal.stderr };
  }

  /** The seeds that were simulated, in order. */
  get seeds(): number[] {
    return this.requests.map(({ seed }) => seed);
  }

  #newRunner(): SeedRunner {
    this.runners += 1;
    let isClosed = false;
    return {
      run: async (request) => {
        if (isClosed) return undefined;
        this.requests.push(request);
        return this.answer(request);
      },
      close: () => void (isClosed = true),
    };
  }
}
