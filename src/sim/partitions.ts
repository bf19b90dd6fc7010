import type { Random } from '../runtime/random.js';
import type { PartitionShape } from './fault.js';

/** One direction between two hosts. */
export type Direction = readonly [from: string, to: string];

export interface PartitionHosts {
  /** The servers. */
  readonly servers: readonly string[];
  /** One of the servers, which the partition is about. */
  readonly victim: string;
  /** The hosts of clients and of the view service. */
  readonly others: readonly string[];
}

/** Cuts that come and go: what is cut for how long, one after the other, until the partition ends. */
export interface PartitionPhase {
  readonly cut: readonly Direction[];
  readonly lastsMs: number;
}

/** What a partition cuts, for as long as it lasts or, if it has more phases than one, in turn and over again. */
export function partitionPhases(
  shape: PartitionShape,
  hosts: PartitionHosts,
  random: Random,
  lastsMs: number,
): readonly PartitionPhase[] {
  switch (shape) {
    case 'flapping':
      return flapping(hosts, random);
    case 'swizzled':
      return swizzled(hosts, random, lastsMs);
    default:
      return [{ cut: cutsOf(shape, hosts, random), lastsMs }];
  }
}

function cutsOf(
  shape: Exclude<PartitionShape, 'flapping' | 'swizzled'>,
  { servers, victim, others }: PartitionHosts,
  random: Random,
): readonly Direction[] {
  const rest = servers.filter((server) => server !== victim);
  switch (shape) {
    // Two groups, with clients on either side.
    case 'full': {
      const order = shuffled(servers, random);
      const left = order.slice(0, 1 + random.below(servers.length - 1));
      const right = servers.filter((server) => !left.includes(server));
      return between([...left, ...some(others, random)], right);
    }
    // One server is cut off from all the others, and perhaps from its clients.
    case 'isolated':
      return between([victim], [...rest, ...(random.below(2) === 0 ? others : [])]);
    // One server hears nobody, or nobody hears it.
    case 'one-way':
      return random.below(2) === 0
        ? rest.map((server): Direction => [server, victim])
        : rest.map((server): Direction => [victim, server]);
    // All see the one in the middle, and nobody else.
    case 'star':
      return pairsOf(rest);
    // The one that may lead is cut off from all, and of the rest all see only one.
    case 'constrained': {
      const [, ...ends] = shuffled(rest, random);
      return [...between([victim], rest), ...pairsOf(ends)];
    }
    // A line, on which everyone sees only its neighbours.
    case 'chained': {
      const line = shuffled(servers, random);
      return line.flatMap((one, index) => between([one], line.slice(index + 2)));
    }
  }
}

/** One link goes and comes again and again, and the victim's with it now and then. */
function flapping({ servers, victim }: PartitionHosts, random: Random): readonly PartitionPhase[] {
  const rest = servers.filter((server) => server !== victim);
  const peer = rest[random.below(rest.length)] ?? victim;
  const pause = () => random.between(50, 700);
  return [
    { cut: between([victim], [peer]), lastsMs: pause() },
    { cut: [], lastsMs: pause() },
    { cut: between([victim], rest), lastsMs: pause() },
    { cut: [], lastsMs: pause() },
  ];
}

/** Hosts lose their links one after the other, and get them back one after the other in another order. */
function swizzled({ servers }: PartitionHosts, random: Random, lastsMs: number): readonly PartitionPhase[] {
  const subset = shuffled(servers, random).slice(0, 1 + random.below(servers.length));
  const healing = shuffled(subset, random);
  const phaseMs = lastsMs / (2 * subset.length);
  const off = (hosts: readonly string[]): Direction[] =>
    hosts.flatMap((host) =>
      between(
        [host],
        servers.filter((server) => server !== host),
      ),
    );
  return [
    ...subset.map((_host, index) => ({ cut: off(subset.slice(0, index + 1)), lastsMs: phaseMs })),
    ...healing.map((_host, index) => ({ cut: off(healing.slice(index + 1)), lastsMs: phaseMs })),
  ];
}

/** Both directions between each of the one and each of the other. */
const between = (some: readonly string[], others: readonly string[]): Direction[] =>
  some.flatMap((one) =>
    others.flatMap((other): Direction[] => [
      [one, other],
      [other, one],
    ]),
  );

/** Both directions between any two. */
const pairsOf = (hosts: readonly string[]): Direction[] =>
  hosts.flatMap((host, index) => between([host], hosts.slice(index + 1)));

/** Each of them or not, at random. */
const some = (hosts: readonly string[], random: Random): string[] =>
  hosts.filter(() => random.below(2) === 0);

/** The same in another order. */
export function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.below(left.length), 1));
}
