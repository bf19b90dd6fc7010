import { expect } from 'chai';
import { majorityOf, replicaId, type ReplicaId } from '../../src/log/ids.js';
import { seededRandom } from '../../src/runtime/random.js';
import { isExhaustive, seed } from '../scenarios/report.js';
import { OmnipaxosWorld } from '../support/omnipaxos-world.js';

type Link = readonly [ReplicaId, ReplicaId];

const electionTimeoutMs = 100;
/** A leader that commits must exist this many election timeouts after a cut, and none may be elected for this many more. */
const recoveryTimeouts = 5;
const stableTimeouts = 6;

const linksOf = (replicaCount: number): Link[] => {
  const links: Link[] = [];
  for (let left = 1; left <= replicaCount; left += 1) {
    for (let right = left + 1; right <= replicaCount; right += 1)
      links.push([replicaId(left), replicaId(right)]);
  }
  return links;
};

/** The replicas that are linked to a majority, themselves included. */
const quorumConnected = (replicaCount: number, links: readonly Link[]): ReplicaId[] =>
  Array.from({ length: replicaCount }, (_, index) => replicaId(index + 1)).filter(
    (id) => links.filter((link) => link.includes(id)).length + 1 >= majorityOf(replicaCount),
  );

/** Every graph in which somebody can lead. */
const graphs = (replicaCount: number): Link[][] => {
  const all = linksOf(replicaCount);
  return Array.from({ length: 2 ** all.length }, (_, bits) =>
    all.filter((_link, index) => (bits & (1 << index)) !== 0),
  ).filter((links) => quorumConnected(replicaCount, links).length > 0);
};

interface Outcome {
  /** From the cut to the first entry decided that was proposed after the last election, in election timeouts. */
  readonly recovery: number;
  readonly elections: number;
}

interface Case {
  readonly replicaCount: number;
  readonly priorLeader: ReplicaId;
  readonly links: readonly Link[];
  readonly isSilent: boolean;
  readonly seed: number;
}

function outcomeOf({ replicaCount, priorLeader, links, isSilent, seed }: Case): Outcome {
  const random = seededRandom(seed);
  const world = new OmnipaxosWorld({
    replicaCount,
    random,
    electionTimeoutMs,
    delayMs: [0.1, 1],
    syncMs: [0.1, 1],
    firstTickMs: (id) =>
      id === priorLeader ? 0.2 * electionTimeoutMs : random.between(0.5, 1.5) * electionTimeoutMs,
  });
  world.start();
  world.run(random.between(2, 3) * electionTimeoutMs);
  if (!world.leads(priorLeader)) throw new Error(`replica ${priorLeader} does not lead at first`);
  world.propose(priorLeader, 'before');
  world.run(random.between(0, 1) * electionTimeoutMs);

  const cutAtMs = world.nowMs;
  const claimsBefore = world.claims.length;
  world.shape(links, isSilent);
  let committedAtMs = Infinity;
  const endMs = cutAtMs + (recoveryTimeouts + stableTimeouts) * electionTimeoutMs;
  while (world.nowMs < endMs) {
    const claims = world.claims.length;
    const mark = `after ${claims} elections`;
    for (const id of world.ids) if (world.leads(id)) world.propose(id, mark);
    world.run(electionTimeoutMs / 5);
    if (world.claims.length > claims) committedAtMs = Infinity;
    else if (world.agreed.lastIndexOf(mark) >= 0) committedAtMs = Math.min(committedAtMs, world.nowMs);
  }
  return {
    recovery: (committedAtMs - cutAtMs) / electionTimeoutMs,
    elections: world.claims.length - claimsBefore,
  };
}

function judge(cases: readonly Case[]): void {
  const recoveries: number[] = [];
  let elections = 0;
  for (const each of cases) {
    const outcome = outcomeOf(each);
    const links = each.links.map((link) => link.join('-')).join(' ');
    const name = `seed ${each.seed}, leader ${each.priorLeader}, links ${links}`;
    // Only what follows the last election counts, so none came in the time that is left.
    expect(outcome.recovery, `${name}: election timeouts until a leader commits that lasts`).to.be.at.most(
      recoveryTimeouts,
    );
    recoveries.push(outcome.recovery);
    elections += outcome.elections;
  }
  recoveries.sort((left, right) => left - right);
  const mean = recoveries.reduce((sum, each) => sum + each, 0) / recoveries.length;
  const worst = recoveries.at(-1) ?? Infinity;
  console.log(
    `      ${recoveries.length} runs, ${elections} elections; a lasting leader commits after ${mean.toFixed(2)} ` +
      `election timeouts in the mean and ${worst.toFixed(2)} at the worst`,
  );
}

/** One graph of five in so many is taken outside of an exhaustive run. */
const graphsPerTaken = 4;
const baseSeed = Number(process.env['SYNOD_SEED'] ?? 1);

describe('OmniPaxos under partial connectivity, without network or disk', () => {
  for (const isSilent of [false, true]) {
    const manner = isSilent ? 'silently' : 'and both ends notice';
    for (const replicaCount of [3, 5]) {
      it(`has one lasting leader in every graph of ${replicaCount} that is cut ${manner}, whoever led`, () => {
        const seedsPerCase = replicaCount === 3 ? 20 : 1;
        // All of them are many graphs of five.
        const isTaken = (graph: number) =>
          isExhaustive || replicaCount === 3 || (graph + seed) % graphsPerTaken === 0;
        const cases = graphs(replicaCount).flatMap((links, graph) =>
          !isTaken(graph)
            ? []
            : Array.from({ length: replicaCount * seedsPerCase }, (_, index) => ({
                replicaCount,
                links,
                priorLeader: replicaId((index % replicaCount) + 1),
                isSilent,
                seed: baseSeed + graph * 1000 + index,
              })),
        );
        judge(cases);
      }).timeout(120_000);
    }
  }
});
