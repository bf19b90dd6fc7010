import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Random } from '../../src/runtime/random.js';
import { RawClient, callOptions } from '../support/raw-client.js';
import type { KvomnipaxosCluster } from './kvomnipaxos-cluster.js';
import { row, workload, type Row, type RowTitle } from './omnipaxos-kv-row.js';
import { heads } from './random-choices.js';

/** As long as the labs wait after a cut and after a heal. */
const settleMs = 2000;
/** How many writes the hub misses before it is the only one that can lead. */
const missedWrites = 10;

/** A stalled machine may bring about an election; servers that depose each other hold one every few election timeouts. */
const mostElections = 2;

/** Cuts links so that, of all servers, only the one answered can lead, or should. */
type Cut = (cluster: KvomnipaxosCluster, random: Random) => Promise<number>;

const otherThan = (leader: number, { servers }: KvomnipaxosCluster, random: Random): number => {
  const others = servers.filter((server) => server !== leader);
  return others[random.below(others.length)]!;
};

/** Links only the hub with these. */
function star({ faults, servers }: KvomnipaxosCluster, hub: number, ends: readonly number[]): void {
  faults.isolate(servers);
  faults.link(hub, ends);
}

/** Quorum-loss: a star around another server than the leader. The leader lives, and hears the hub only. */
const quorumLoss: Cut = async (cluster, random) => {
  const leader = await cluster.untilInStep();
  const hub = otherThan(leader, cluster, random);
  cluster.faults.mode = heads(random) ? 'black-hole' : 'fail-at-once';
  star(cluster, hub, cluster.servers);
  return hub;
};

/** Constrained election: the leader is alone, and the hub of the others has missed what they have. */
const constrainedElection: Cut = async (cluster, random) => {
  const leader = await cluster.untilInStep();
  const hub = otherThan(leader, cluster, random);
  // Over a link that falls silent the hub gives its leader one more election timeout, and misses what is written in it.
  cluster.faults.mode = 'black-hole';
  const client = new RawClient(cluster.endpoint(leader));
  try {
    const write = () => client.put({ key: 'missed', value: 'by the hub', session: undefined }, callOptions);
    await write();
    cluster.faults.cut(leader, hub);
    await Promise.all(Array.from({ length: missedWrites }, write));
  } finally {
    client.close();
  }
  star(
    cluster,
    hub,
    cluster.servers.filter((server) => server !== leader),
  );
  const reachOf = (server: number) => cluster.replica(server).status().log.max;
  const decided = cluster.replica(leader).status().log.applied;
  expect(reachOf(hub), 'the end of the log of the hub, beside what is decided').to.be.below(decided!);
  return hub;
};

/** Chained: both ends hear the one between them, and one of them led. */
const chained: Cut = async (cluster, random) => {
  const leader = await cluster.untilInStep();
  const other = otherThan(leader, cluster, random);
  cluster.faults.mode = heads(random) ? 'black-hole' : 'fail-at-once';
  cluster.faults.cut(leader, other);
  return other;
};

/** Cuts, works, heals and works again. */
async function cutAndHeal(run: Row, cut: Cut, steps: number): Promise<void> {
  const { cluster, random } = run;
  const leader = await cut(cluster, random);
  await sleep(settleMs);
  expect(cluster.leader, `who leads after the cut (${cluster.faults.mode})`).to.equal(leader);
  const roundBefore = cluster.round;
  await workload(run, steps);
  expect(cluster.round - roundBefore, 'elections while clients work').to.be.at.most(mostElections);
  cluster.faults.heal();
  await sleep(settleMs);
  await workload(run, steps);
}

interface Figure {
  readonly name: 'A' | 'B' | 'C';
  readonly cut: Cut;
  /** Steps of the one client before the cut. */
  readonly stepsBefore: number;
}

const figures: readonly Figure[] = [
  { name: 'A', cut: quorumLoss, stepsBefore: 50 },
  { name: 'B', cut: constrainedElection, stepsBefore: 10 },
  { name: 'C', cut: chained, stepsBefore: 10 },
];

describe('omnipaxos', () => {
  for (const { name, cut, stepsBefore } of figures) {
    const one: RowTitle = `Basic Fig 5${name} One Client`;
    row(one, { clientCount: 1 }, async (run) => {
      await workload(run, stepsBefore);
      await cutAndHeal(run, cut, 50);
    });

    const many: RowTitle = `Basic Fig 5${name} Many Client`;
    row(many, { clientCount: 3 }, async (run) => {
      await sleep(1000);
      await cutAndHeal(run, cut, 5);
    });
  }
});
