import type { SessionParameters } from '../kv/limits.js';
import { seededRandom, type Random } from '../runtime/random.js';
import type { AnyEngineName } from '../server/engine.js';
import type { LogLimits } from '../server/snapshot-keeper.js';
import { defaultOperations, defaultReplicas } from './defaults.js';
import { drawFaults } from './draw-faults.js';
import type { Fault } from './fault.js';
import type { DiskPace } from './machine.js';
import type { Weather } from './network.js';
import { mixed } from './world.js';

/** What to simulate; the rest is drawn from the seed. */
export interface SimulationOptions {
  readonly engine: AnyEngineName;
  readonly seed: number;
  /** Default 3; every fifth world of an engine that votes has two more: some mistakes need two that know nothing. */
  readonly replicas?: number | undefined;
  /** How many operations clients begin; default 208. */
  readonly operations?: number | undefined;
  /** Only these of the faults that the seed draws, by number from 0; default all. */
  readonly onlyFaults?: readonly number[] | undefined;
}

/** One client of the store. */
export interface ClientPlan {
  readonly operations: number;
  /** How many calls it has under way at once. */
  readonly pipeline: number;
  /** The share of its calls that have a deadline so short that some pass it. */
  readonly hurried: number;
}

/** Whether faults wait until the engine's envelope has room for them; where all of them are inside it, all are wild. */
export type Manner = 'kind' | 'wild';

/** Everything about a world that its seed decides before it begins. */
export interface Plan {
  readonly engine: AnyEngineName;
  readonly seed: number;
  readonly replicas: number;
  readonly manner: Manner;
  readonly weather: Weather;
  readonly clockDrift: number;
  readonly diskPace: DiskPace;
  readonly sessionParameters: SessionParameters;
  readonly checkpointIntervalSlots: number;
  readonly logLimits: LogLimits;
  readonly segmentBytes: number;
  readonly clients: readonly ClientPlan[];
  readonly keyCount: number;
  /** What every key begins with; a long one makes records of several sectors, which can tear. */
  readonly keyPrefix: string;
  /** Clients call all at once, so far apart; undefined if each calls when it likes. */
  readonly burstsApartMs: number | undefined;
  /** How long faults may begin and clients take their time. */
  readonly safetyMs: number;
  /** All that the seed draws, in order of time. */
  readonly faults: readonly Fault[];
  /** Which of them happen, by number. */
  readonly happening: readonly number[];
}

const longKeyWords = 80;
/** How many replicas more every so many worlds have. */
const moreReplicas = { count: 2, worlds: 5 };
const fewestClients = 4;
const mostClients = 16;
/** Small segments are dropped sooner; the batches of all clients together have to fit into one. */
const segmentBytes = { ofShortKeys: [8 * 1024, 16 * 1024], ofLongKeys: [64 * 1024] } as const;

/** Draws the plan of a seed. */
export function drawPlan(options: SimulationOptions): Plan {
  const { engine, seed, operations = defaultOperations } = options;
  const replicas = (options.replicas ?? defaultReplicas) + additionalReplicas(engine, seed);
  const random = seededRandom(mixed(seed, `plan of ${engine} with ${replicas}`));
  const safetyMs = random.between(12_000, 25_000);
  const clients = drawClients(operations, random);
  const hasLongKeys = random.below(3) === 0;
  const sizes = segmentBytes[hasLongKeys ? 'ofLongKeys' : 'ofShortKeys'];
  const isInBursts = random.below(3) === 0;
  const manner = engine === 'primary-backup' && random.below(5) > 1 ? 'kind' : 'wild';
  const faults = drawFaults({ engine, replicas, manner, safetyMs, random });
  return {
    engine,
    seed,
    replicas,
    manner,
    weather: calm(random),
    clockDrift: random.below(2) === 0 ? 0 : 0.1,
    diskPace: { syncLimitMs: random.between(0.5, 8), slowShare: 0.02, slowSyncLimitMs: 60 },
    sessionParameters: {
      // So few that sessions end when others are opened.
      sessionLimit: clients.length + random.below(4),
      repliesLimitBytes: 64 * 1024,
      sessionRepliesLimitBytes: 8 * 1024,
      sequenceWindow: 32,
    },
    checkpointIntervalSlots: 8 + random.below(9),
    logLimits: { slots: 12 + random.below(25), bytes: 64 * 1024 },
    segmentBytes: sizes[random.below(sizes.length)] ?? sizes[0],
    clients,
    keyCount: 3 + random.below(isInBursts ? 3 : 8),
    keyPrefix: hasLongKeys ? 'long '.repeat(longKeyWords) : '',
    burstsApartMs: isInBursts ? random.between(100, 1500) : undefined,
    safetyMs,
    faults,
    happening: options.onlyFaults ?? faults.map((_fault, index) => index),
  };
}

const additionalReplicas = (engine: AnyEngineName, seed: number): number =>
  engine !== 'primary-backup' && mixed(seed, 'replicas') % moreReplicas.worlds === 0 ? moreReplicas.count : 0;

/** The weather of a world when nothing is wrong. */
const calm = (random: Random): Weather => ({
  loss: 0,
  duplication: 0,
  delayLimitMs: random.between(1, 20),
  stragglers: random.below(3) === 0 ? 0.02 : 0,
  stragglerLimitMs: 300,
});

function drawClients(operations: number, random: Random): ClientPlan[] {
  // Few more often than many.
  const count =
    fewestClients +
    Math.min(random.below(mostClients - fewestClients + 1), random.below(mostClients - fewestClients + 1));
  return Array.from({ length: count }, (_client, index) => ({
    operations: Math.floor((operations + count - 1 - index) / count),
    pipeline: random.below(3) === 0 ? 2 + random.below(7) : 1,
    hurried: random.below(4) === 0 ? 0.2 : 0.03,
  }));
}
