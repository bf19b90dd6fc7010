import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const testSchema = z.object({ title: z.string(), passed: z.boolean(), seconds: z.number() });

const runSchema = z.object({
  suite: z.string(),
  seed: z.number(),
  startedAt: z.iso.datetime(),
  passed: z.boolean(),
  seconds: z.number(),
  tests: z.array(testSchema),
});

/** One test of one run. */
export type TestRecord = z.infer<typeof testSchema>;
/** One complete run of a suite. */
export type RunRecord = z.infer<typeof runSchema>;

const git = (...words: readonly string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();

const parseLines = <Value>(text: string, schema: z.ZodType<Value>): Value[] =>
  text.split('\n').flatMap((line) => {
    // The last line of an interrupted run may be cut short.
    try {
      return [schema.parse(JSON.parse(line))];
    } catch {
      return [];
    }
  });

/** Reads what the tests of one run have recorded of themselves. */
export const readTests = (path: string): TestRecord[] =>
  existsSync(path) ? parseLines(readFileSync(path, 'utf8'), testSchema) : [];

/** The results of one commit, under `build/scenarios/COMMIT`; of an unclean tree, `COMMIT-dirty`. */
export class RunStore {
  readonly directory: string;
  readonly #isDirty: boolean;

  constructor(private readonly buildDirectory: string) {
    this.#isDirty = git('status', '--porcelain') !== '';
    const commit = git('rev-parse', '--short', 'HEAD');
    this.directory = join(buildDirectory, 'scenarios', this.#isDirty ? `${commit}-dirty` : commit);
    mkdirSync(this.directory, { recursive: true });
  }

  /** The complete runs of a suite. Those of an unclean tree count only if they ran on the present build. */
  completeRuns(suite: string): RunRecord[] {
    const path = this.#path(suite);
    if (!existsSync(path)) return [];
    const runs = parseLines(readFileSync(path, 'utf8'), runSchema);
    const builtAtMs = this.#isDirty ? statSync(join(this.buildDirectory, '.built')).mtimeMs : 0;
    return runs.filter(({ startedAt }) => Date.parse(startedAt) >= builtAtMs);
  }

  append(run: RunRecord): void {
    appendFileSync(this.#path(run.suite), `${JSON.stringify(run)}\n`);
  }

  /** Where the output of a failed run is kept. */
  outputPath(suite: string, seed: number): string {
    return join(this.directory, `${suite}-${seed}.txt`);
  }

  #path(suite: string): string {
    return join(this.directory, `${suite}.jsonl`);
  }
}
