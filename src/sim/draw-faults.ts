import type { Random } from '../runtime/random.js';
import type { AnyEngineName } from '../server/engine.js';
import type { Ending } from './machine.js';
import type { Manner } from './plan.js';
import { spread } from './spread.js';
import { partitionShapes, type CrashMoment, type Fault, type FaultKind, type Victim } from './fault.js';

export interface DrawOptions {
  readonly engine: AnyEngineName;
  readonly replicas: number;
  readonly manner: Manner;
  /** Faults begin within so long. */
  readonly safetyMs: number;
  readonly random: Random;
}

/** A kind of fault, how often it comes beside others, and how long it lasts. */
interface Kind {
  readonly weight: number;
  readonly lastsMs: readonly [number, number];
  readonly draw: (random: Random) => FaultKind;
}

const fewestFaults = 10;
const mostFaults = 16;

const victim = (random: Random): Victim => ({
  preferLeader: random.below(2) === 0,
  turn: random.below(1000),
});
const moments: readonly CrashMoment[] = ['at-once', 'syncing', 'syncing', 'speaking', 'answering'];

/** How and when servers end; a sync that goes on beneath a process that was killed is no harm. */
const ending = (random: Random): { readonly ending: Ending; readonly moment: CrashMoment } => {
  const moment = moments[random.below(moments.length)] ?? 'at-once';
  return { moment, ending: moment === 'syncing' || random.below(2) === 0 ? 'power' : 'kill' };
};

/** What may happen to every engine. */
const everywhere: readonly Kind[] = [
  {
    weight: 8,
    lastsMs: [300, 5000],
    draw: (random) => ({
      kind: 'partition',
      shape: partitionShapes[random.below(partitionShapes.length)] ?? 'full',
      victim: victim(random),
    }),
  },
  {
    weight: 3,
    lastsMs: [500, 5000],
    draw: (random) => ({
      kind: 'weather',
      weather: {
        loss: random.between(0, 0.3),
        duplication: random.between(0, 0.3),
        delayLimitMs: random.between(1, 150),
        stragglers: random.between(0, 0.1),
        stragglerLimitMs: random.between(100, 5000),
      },
    }),
  },
  {
    weight: 6,
    lastsMs: [10, 10_000],
    draw: (random) => ({
      kind: 'crash',
      ...ending(random),
      victim: victim(random),
    }),
  },
  { weight: 3, lastsMs: [100, 60_000], draw: (random) => ({ kind: 'pause', victim: victim(random) }) },
  {
    weight: 1,
    lastsMs: [0, 0],
    draw: (random) => ({ kind: 'clock-jump', byMs: spread(random, 10, 60_000), victim: victim(random) }),
  },
];

/** What happens to machines with disks. */
const onDisks: readonly Kind[] = [
  {
    weight: 3,
    lastsMs: [10, 1500],
    draw: (random) => ({
      kind: 'crash-all',
      ...ending(random),
      victim: victim(random),
    }),
  },
  {
    weight: 2,
    lastsMs: [500, 4000],
    draw: (random) => ({
      kind: 'slow-disk',
      slowSyncLimitMs: random.between(50, 1000),
      victim: victim(random),
    }),
  },
  { weight: 1, lastsMs: [200, 2000], draw: (random) => ({ kind: 'sync-error', victim: victim(random) }) },
  { weight: 1, lastsMs: [500, 5000], draw: (random) => ({ kind: 'full-disk', victim: victim(random) }) },
  { weight: 0.8, lastsMs: [50, 1500], draw: (random) => ({ kind: 'damage', victim: victim(random) }) },
  {
    weight: 0.8,
    lastsMs: [50, 1500],
    draw: (random) => ({ kind: 'lost-directory', victim: victim(random) }),
  },
];

/** What replicas say to each other, by engine; what is lost out of the middle of a stream, weather does. */
const messagesOf: Record<AnyEngineName, readonly string[]> = {
  paxos: [
    'prepare',
    'prepare reply',
    'accept',
    'accept reply',
    'decide',
    'decide',
    'learn',
    'reach',
    'reach reply',
    'hello',
  ],
  omnipaxos: ['exchange', 'exchange back', 'hello'],
  'primary-backup': [],
};

const ofMessages = (engine: AnyEngineName): readonly Kind[] => {
  const names = messagesOf[engine];
  const draw = (random: Random): FaultKind => ({
    kind: 'message-trouble',
    name: names[random.below(names.length)] ?? '',
    trouble:
      random.below(2) === 0 ? { lost: true, delayMs: 0 } : { lost: false, delayMs: spread(random, 50, 1000) },
  });
  return names.length === 0 ? [] : [{ weight: 4, lastsMs: [300, 5000], draw }];
};

const ofSessions: readonly Kind[] = [
  { weight: 1, lastsMs: [0, 0], draw: (random) => ({ kind: 'session-crowd', count: 2 + random.below(8) }) },
];

/** All faults of one world, in order of time. What an engine's envelope leaves out is never drawn for it. */
export function drawFaults({ engine, manner, safetyMs, random }: DrawOptions): Fault[] {
  const kinds = [
    ...everywhere,
    ...ofSessions,
    ...ofMessages(engine),
    ...(engine === 'primary-backup' ? [] : onDisks),
  ];
  const count = fewestFaults + random.below(mostFaults - fewestFaults + 1);
  const faults = Array.from({ length: count }, (): Fault => {
    const kind = pick(kinds, random);
    const [low, high] = kind.lastsMs;
    return {
      atMs: random.between(0, 0.9 * safetyMs),
      lastsMs: high === 0 ? 0 : spread(random, low, high),
      seed: random.below(2 ** 31),
      ...kind.draw(random),
    };
  });
  const possible = engine === 'primary-backup' ? faults.map(withoutSyncs) : faults;
  const inManner = manner === 'kind' ? possible.map(milder) : possible;
  return inManner.sort((one, other) => one.atMs - other.atMs);
}

/** Where nothing is kept on disks, no sync is waited for. */
const withoutSyncs = (fault: Fault): Fault =>
  fault.kind === 'crash' && fault.moment === 'syncing' ? { ...fault, moment: 'at-once' } : fault;

/** So much that a server whose messages are lost or late seems to be gone. */
const kindLossShare = 0.25;

/** What hits all servers at once cannot wait for its turn, so it is to hit none as hard as a failure. */
function milder(fault: Fault): Fault {
  if (fault.kind !== 'weather') return fault;
  const { loss, stragglers } = fault.weather;
  const weather = { ...fault.weather, loss: loss * kindLossShare, stragglers: stragglers * kindLossShare };
  return { ...fault, weather };
}

function pick(kinds: readonly Kind[], random: Random): Kind {
  const sum = kinds.reduce((total, { weight }) => total + weight, 0);
  let left = random.between(0, sum);
  const picked = kinds.find(({ weight }) => (left -= weight) < 0) ?? kinds[0];
  if (picked === undefined) throw new RangeError('there are no faults to choose from');
  return picked;
}
