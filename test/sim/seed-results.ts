import { kindsOf } from '../../src/sim/kinds.js';
import type { SeedResult } from '../../src/sim/seed-result.js';

export interface ResultOptions {
  readonly engine?: SeedResult['engine'];
  readonly seed?: number;
  readonly verdict?: SeedResult['verdict'];
  /** What happened beside everything that must. */
  readonly tally?: Readonly<Record<string, number>>;
  readonly clients?: number;
  readonly faultsDrawn?: number;
}

/** The result of a seed in which everything happened, unless told otherwise. */
export function resultOf(options: ResultOptions = {}): SeedResult {
  const { engine = 'paxos', seed = 1, verdict = { kind: 'passed' } } = options;
  const { tally = {}, clients = 5, faultsDrawn = 12 } = options;
  return {
    engine,
    seed,
    verdict,
    traceHash: 'ab',
    steps: 1000,
    simulatedMs: 20_000,
    clients,
    faultsDrawn,
    tally: {
      ...Object.fromEntries(kindsOf(engine).map((name) => [name, 1])),
      faults: 12,
      'messages delivered': 3000,
      'operations finished': 210,
      'operations unknown': 2,
      ...tally,
    },
  };
}
