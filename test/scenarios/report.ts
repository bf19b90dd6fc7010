import { appendFileSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { seededRandom, type Random } from '../../src/runtime/random.js';

/** One test of one run, as a line of the results file. */
export interface ScenarioResult {
  readonly title: string;
  readonly suite: string;
  readonly passed: boolean;
  readonly seconds: number;
  readonly seed: number;
}

/** Anything that counts what went on in it. */
export interface Observed {
  readonly peerCount: number;
  /** RPCs accepted by all peers together so far. */
  readonly rpcCount: number;
  /** What the test has asked for so far. */
  readonly operationCount: number;
}

/** What a scenario is given. */
export interface Scenario {
  /** The test's own stream, fixed by the seed and the title. */
  readonly random: Random;
  /** Counts what happens in `observed` from now on towards the report; answers it. */
  readonly observe: <Subject extends Observed>(observed: Subject) => Subject;
}

const readSeed = (text: string | undefined): number => {
  if (text === undefined || text === '') return randomInt(2 ** 31);
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 31) {
    throw new RangeError(`SYNOD_SEED is "${text}": it must be a whole number from 0 to ${2 ** 31 - 1}`);
  }
  return seed;
};

/** Fixes every fault and every choice of the tests in this process: SYNOD_SEED, or drawn. */
export const seed = readSeed(process.env['SYNOD_SEED']);

/** A stream of its own for every name, fixed by the seed; so a test run alone draws what it draws in its suite. */
export function randomFor(name: string): Random {
  let hash = seed | 0;
  for (const character of name) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return seededRandom(hash);
}

const secondsSince = (startMs: number): number => (performance.now() - startMs) / 1000;

/** Whether this process is one of a series, in which every scenario runs in full. */
const isInSeries = (process.env['SYNOD_SCENARIO_RESULTS'] ?? '') !== '';

/** For how long a scenario disturbs its servers that the labs disturb for `fullMs`: a third of it outside of a series. */
export const disturbedMs = (fullMs: number): number => (isInSeries ? fullMs : fullMs / 3);

/** How often a scenario repeats what brings about a rare moment: half as often outside of a series. */
export const repetitions = (full: number): number => (isInSeries ? full : Math.ceil(full / 2));

/** Whether everything of what can be enumerated is run: in a series, and with SYNOD_EXHAUSTIVE=1; otherwise a part, drawn. */
export const isExhaustive = isInSeries || process.env['SYNOD_EXHAUSTIVE'] === '1';

/** All of them in an exhaustive run, otherwise one, drawn. */
export const partOf = <Item>(name: string, all: readonly Item[]): readonly Item[] => {
  const drawn = randomFor(name).below(all.length);
  return isExhaustive ? all : all.filter((_item, index) => index === drawn);
};

/** The differences of an observed subject's counts since `observe`. */
class Meter {
  readonly #starts = new Map<Observed, { readonly rpcs: number; readonly operations: number }>();

  observe<Subject extends Observed>(observed: Subject): Subject {
    this.#starts.set(observed, { rpcs: observed.rpcCount, operations: observed.operationCount });
    return observed;
  }

  read(): { readonly peers: number; readonly rpcs: number; readonly operations: number } {
    let [peers, rpcs, operations] = [0, 0, 0];
    for (const [observed, start] of this.#starts) {
      peers += observed.peerCount;
      rpcs += observed.rpcCount - start.rpcs;
      operations += observed.operationCount - start.operations;
    }
    return { peers, rpcs, operations };
  }
}

const column = (value: number | string, width: number): string => String(value).padStart(width);

async function runScenario(title: string, body: (scenario: Scenario) => Promise<void>): Promise<void> {
  console.log(`Test: ${title} ...\n  seed ${seed}`);
  const startMs = performance.now();
  const meter = new Meter();
  await body({ random: randomFor(title), observe: (observed) => meter.observe(observed) });
  const seconds = secondsSince(startMs).toFixed(1);
  const { peers, rpcs, operations } = meter.read();
  if (rpcs === 0 || operations === 0) {
    throw new Error(`nothing was tested: ${rpcs} RPCs, ${operations} operations`);
  }
  expectNoWarnings();
  const counts = `${column(peers, 2)} ${column(rpcs, 5)} ${column(operations, 4)}`;
  console.log(`  ... Passed --  ${column(seconds, 4)} ${counts}`);
}

function record(result: ScenarioResult): void {
  const path = process.env['SYNOD_SCENARIO_RESULTS'];
  if (path !== undefined && path !== '') appendFileSync(path, `${JSON.stringify(result)}\n`);
}

/** What Node warned of, such as a leak of listeners. */
const warnings: string[] = [];
process.on('warning', ({ name, message }) => warnings.push(`${name}: ${message}`));

function expectNoWarnings(): void {
  const [first] = warnings;
  warnings.length = 0;
  if (first !== undefined) throw new Error(`Node warned: ${first}`);
}

/** Rejects if `work` takes longer; the work itself goes on. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Mocha's limit is only there for a blocked event loop: a test that mocha ends leaves no record. */
const mochaSlackMs = 10_000;

/**
 * Declares one named test. It prints its title, its seed and, once passed: seconds, peers, RPCs, operations. A
 * test in which no RPC or no operation took place has failed.
 */
export function scenario(
  suite: string,
  title: string,
  timeoutMs: number,
  body: (scenario: Scenario) => Promise<void>,
): void {
  it(title, async function () {
    this.timeout(timeoutMs + mochaSlackMs);
    const startMs = performance.now();
    let passed = false;
    try {
      await within(timeoutMs, runScenario(title, body));
      passed = true;
    } finally {
      record({ title, suite, passed, seconds: secondsSince(startMs), seed });
    }
  });
}
