import type { AnyEngineName } from '../server/engine.js';
import { mergedTotals, noTotals, withSeed, type Totals } from '../sim/totals.js';
import {
  explainFailure,
  explanationText,
  failureLine,
  failureOfSeed,
  type SeedFailure,
} from './sim-failure.js';
import type { SeedsPlan } from './sim-plan.js';
import { showSeeds } from './sim-progress.js';
import { appendPart, readParts, type Part, type Source } from './sim-record.js';
import type { SeedPool } from './sim-pool.js';
import type { SeedRequest } from './sim-request.js';
import type { Terminal } from './terminal.js';

/** So many seeds are recorded together. */
export const partSeeds = 1000;
/** One in so many seeds runs twice. */
const repeatedEvery = 50;
/** Of so many failures a smaller schedule is sought; the others are like them more often than not. */
const mostExplained = 3;

export interface EngineRunOptions {
  readonly engine: AnyEngineName;
  readonly plan: SeedsPlan;
  readonly pool: SeedPool;
  readonly terminal: Terminal;
  readonly json: boolean;
  /** Undefined if nothing is recorded. */
  readonly source: Source | undefined;
}

/** What came of the seeds of one engine. */
export interface EngineResult {
  readonly totals: Totals;
  /** The failures of this run; those of parts that were recorded before are in the totals only. */
  readonly failures: readonly SeedFailure[];
}

interface Stretch {
  readonly from: number;
  readonly count: number;
}

/** Runs the seeds of one engine, and explains the first that fail. */
export class EngineRun {
  readonly #options: EngineRunOptions;
  readonly #failed: { readonly request: SeedRequest; failure: SeedFailure }[] = [];
  #totals: Totals;
  #done = 0;
  #simulatedMs = 0;

  constructor(options: EngineRunOptions) {
    this.#options = options;
    this.#totals = noTotals(options.engine);
  }

  /** @throws CommandFailure if the record cannot be read or written */
  async run(): Promise<EngineResult> {
    const { json, terminal, engine } = this.#options;
    const stretches = await this.#stretches();
    const total = stretches.reduce((sum, { count }) => sum + count, 0);
    const beganAtMs = performance.now();
    const hide = showSeeds(
      () => ({
        engine,
        done: this.#done,
        total,
        failed: this.#failed.length,
        simulatedMs: this.#simulatedMs,
        elapsedMs: performance.now() - beganAtMs,
      }),
      json,
      terminal,
    );
    try {
      for (const stretch of stretches) {
        if (!(await this.#runStretch(stretch))) break;
      }
    } finally {
      hide();
    }
    await this.#explain();
    return { totals: this.#totals, failures: this.#failed.map(({ failure }) => failure) };
  }

  /** What is to be run; what the record has is added up and left out. */
  async #stretches(): Promise<readonly Stretch[]> {
    const { plan, source } = this.#options;
    const { from, count, record } = plan;
    if (record === undefined || source === undefined) return [{ from, count }];
    const parts = (await readParts(record)).filter((part) => this.#isOfThis(part));
    const stretches = Array.from({ length: Math.ceil(count / partSeeds) }, (_part, index) => ({
      from: from + index * partSeeds,
      count: Math.min(partSeeds, count - index * partSeeds),
    }));
    return stretches.filter((stretch) => {
      const part = parts.find((done) => done.from === stretch.from && done.seeds === stretch.count);
      if (part !== undefined) this.#totals = mergedTotals(this.#totals, part.totals);
      return part === undefined;
    });
  }

  /** Of an unclean tree no two parts need be of the same software. */
  #isOfThis({ engine, replicas, operations, commit, isClean }: Part): boolean {
    const { plan, source } = this.#options;
    return (
      engine === this.#options.engine &&
      replicas === plan.world.replicas &&
      operations === plan.world.operations &&
      isClean &&
      source?.isClean === true &&
      commit === source.commit
    );
  }

  /** Answers whether all of them were simulated. */
  async #runStretch({ from, count }: Stretch): Promise<boolean> {
    const { engine, plan, pool, source } = this.#options;
    let totals = noTotals(engine);
    const isWhole = await pool.runAll(this.#requests(from, count), (request, reply) => {
      totals = withSeed(totals, reply.result);
      this.#done += 1;
      this.#simulatedMs += reply.result.simulatedMs;
      const failure = failureOfSeed(request, reply);
      if (failure !== undefined) this.#tell(request, failure);
    });
    this.#totals = mergedTotals(this.#totals, totals);
    if (isWhole && plan.record !== undefined && source !== undefined) {
      const { replicas, operations } = plan.world;
      await appendPart(plan.record, { engine, from, seeds: count, replicas, operations, ...source, totals });
    }
    return isWhole;
  }

  *#requests(from: number, count: number): Generator<SeedRequest> {
    const { engine, plan } = this.#options;
    for (let seed = from; seed < from + count; seed += 1) {
      const isRepeated = (seed - plan.from) % repeatedEvery === 0;
      yield { engine, seed, ...plan.world, isRepeated, isExplained: false, isTraced: false };
    }
  }

  #tell(request: SeedRequest, failure: SeedFailure): void {
    const { json, terminal } = this.#options;
    this.#failed.push({ request, failure });
    if (json) return;
    terminal.progress('');
    terminal.out(failureLine(failure));
  }

  async #explain(): Promise<void> {
    const { json, terminal, pool } = this.#options;
    const { interrupted } = terminal;
    for (const failed of this.#failed.slice(0, mostExplained)) {
      if (interrupted.aborted) return;
      if (!json)
        terminal.progress(`seeking a smaller schedule that fails as seed ${failed.failure.seed} does`);
      failed.failure = await explainFailure(failed.request, failed.failure, {
        runner: pool.idle,
        interrupted,
      });
      if (json) continue;
      terminal.progress('');
      terminal.out(`${failed.failure.replay}\n${explanationText(failed.failure)}`);
    }
  }
}
