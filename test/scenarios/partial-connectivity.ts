import { setTimeout as sleep } from 'node:timers/promises';
import { compareBallots, type Ballot } from '../../src/log/ballot.js';
import type { Random } from '../../src/runtime/random.js';
import type { OmnipaxosCluster } from './omnipaxos-cluster.js';
import { waitUntil } from './wait-until.js';

/** The cuts of figure 5 of the paper that leave some servers partially connected. */
export type Figure = '5A' | '5B' | '5C';

export const figures: readonly { readonly figure: Figure; readonly serverCount: number }[] = [
  { figure: '5A', serverCount: 5 },
  { figure: '5B', serverCount: 5 },
  { figure: '5C', serverCount: 3 },
];

/** Who was what as the links were cut. */
export interface Cut {
  /** Led before, and does not reach a majority any more, or not all of one. */
  readonly leader: number;
  /** Must lead after. */
  readonly successor: number;
  /** Under which the leader led. */
  readonly ballot: Ballot;
  readonly atMs: number;
}

const roundsToMeet = 2;
const lagSlots = 3;
const lagLimitMs = 2000;
const lagTries = 10;

/**
 * Cuts the links of a whole cluster as a figure has it, with the successor drawn from those that do not lead:
 *
 * - 5A, quorum loss: only the successor's links are left, so the leader is there, but reaches one server of five.
 * - 5B, constrained election: the same, and the leader reaches nobody. Before that the successor has missed entries that
 *   all others have.
 * - 5C, chained: leader and successor do not reach each other; the third server reaches both.
 */
export async function cutAs(figure: Figure, cluster: OmnipaxosCluster, random: Random): Promise<Cut> {
  const roles = figure === '5B' ? await lagging(cluster, random) : await drawn(cluster, random);
  const { leader, successor } = roles;
  if (figure === '5C') {
    cluster.faults.cut(leader, successor);
  } else {
    for (const server of cluster.others(successor)) cluster.faults.cut(server, cluster.others(successor));
  }
  return { ...roles, atMs: performance.now() };
}

async function drawn(cluster: OmnipaxosCluster, random: Random): Promise<Omit<Cut, 'atMs'>> {
  await cluster.waitUntilSettled();
  // In a round that began before two servers had met, one of them is not asked; and a cut comes at any moment of a round.
  await sleep((roundsToMeet + random.between(0, 1)) * cluster.electionTimeoutMs);
  const { server: leader, ballot } = await cluster.waitUntilSettled();
  const others = cluster.others(leader);
  const successor = others[random.below(others.length)];
  if (successor === undefined) throw new RangeError('there is nobody but the leader');
  return { leader, successor, ballot };
}

/**
 * Cuts the link of leader and successor a moment before the others, in which all but the successor accept some entries. If
 * the successor has the time to miss its leader meanwhile, which a stalled machine may give it, it is tried again.
 */
async function lagging(cluster: OmnipaxosCluster, random: Random): Promise<Omit<Cut, 'atMs'>> {
  for (let tries = 0; tries < lagTries; tries += 1) {
    const roles = await drawn(cluster, random);
    const { leader, successor, ballot } = roles;
    const isSame = () => compareBallots(cluster.highestPromise, ballot) === 0;
    cluster.faults.cut(leader, successor);
    let end = 0;
    for (let entry = 0; entry < lagSlots; entry += 1) {
      end = cluster.proposeAtLeader(leader, `missed by ${successor}, ${tries}.${entry}`) + 1;
    }
    const haveIt = () =>
      cluster.others(successor).every((server) => cluster.peer(server).acceptedEnd >= end) &&
      cluster.peer(leader).decidedEnd >= end;
    await waitUntil('all but the successor accept what it missed', lagLimitMs, () => haveIt() || !isSame());
    if (haveIt() && isSame() && cluster.peer(successor).acceptedEnd <= end - lagSlots) {
      return roles;
    }
    cluster.heal();
    await cluster.one(`all are back, ${tries}`, cluster.peerCount, true);
  }
  throw new Error(`the successor did not fall behind in ${lagTries} tries`);
}
