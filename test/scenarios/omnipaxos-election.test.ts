import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { formatBallot } from '../../src/log/ballot.js';
import { defaultElectionTimeoutMs, type OmnipaxosCluster } from './omnipaxos-cluster.js';
import { omnipaxosScenario, withEitherCut, type OmnipaxosBody } from './omnipaxos-scenario.js';
import { cutAs, figures, type Cut, type Figure } from './partial-connectivity.js';
import { shuffled } from './random-choices.js';
import type { Scenario } from './report.js';
import { waitUntil } from './wait-until.js';

const settleMs = 50;
const stableMs = 2000;

/** The labs give the successor so long, at the default election timeout. */
const successorLimitMs = 2000;
/** After a cut a leader that commits exists within so many election timeouts, and for so many more nobody is elected. */
const recoveryTimeouts = 5;
const stableTimeouts = 6;
/** Longer than any limit, so that what it took instead is known. */
const giveUpMs = 20_000;
/** What agreement itself may take on top. */
const agreementMs = 100;

/** The ballots that the servers have promised, each once. */
const ballotsOf = (cluster: OmnipaxosCluster): string[] => [
  ...new Set(cluster.servers.map((server) => formatBallot(cluster.peer(server).replica.log.promised))),
];

/** Has the successor decide something. Answers how long after the cut it had. */
async function firstDecisionMs(cluster: OmnipaxosCluster, { successor, ballot, atMs }: Cut): Promise<number> {
  let slot: number | undefined;
  await waitUntil('the successor leads and decides', giveUpMs, () => {
    cluster.check();
    if (slot === undefined && cluster.leads(successor, ballot)) {
      slot = cluster.proposeAtLeader(successor, 'first of the successor');
    }
    return slot !== undefined && cluster.applied.has(successor, slot);
  });
  return performance.now() - atMs;
}

/** The cut of a figure, and what must follow it. */
async function survivesCut(figure: Figure, cluster: OmnipaxosCluster, { random }: Scenario): Promise<void> {
  const { electionTimeoutMs } = cluster;
  await cluster.one('before', cluster.peerCount, true);
  const cut = await cutAs(figure, cluster, random);
  const tookMs = await firstDecisionMs(cluster, cut);
  const timeouts = tookMs / electionTimeoutMs;
  console.log(
    `  the successor decides after ${tookMs.toFixed(0)} ms, ${timeouts.toFixed(2)} election timeouts`,
  );
  const limitMs =
    electionTimeoutMs === defaultElectionTimeoutMs
      ? successorLimitMs
      : recoveryTimeouts * electionTimeoutMs + agreementMs;
  expect(tookMs, 'milliseconds until the successor decides').to.be.at.most(limitMs);

  const ballot = formatBallot(cluster.highestPromise);
  expect(ballot).to.match(new RegExp(`[.]${cut.successor + 1}$`));
  const endMs = performance.now() + stableTimeouts * electionTimeoutMs;
  for (let entry = 0; performance.now() < endMs; entry += 1) {
    // Also at one that was deposed without knowing it, and learns of it now.
    for (const { server } of cluster.leaders) cluster.propose(server, `after the cut, ${entry}`);
    await sleep(electionTimeoutMs / 4);
  }
  expect(formatBallot(cluster.highestPromise), 'nobody else claims a ballot').to.equal(ballot);
  expect(await cluster.checkOneLeader()).to.equal(cut.successor);
}

describe('omnipaxos', () => {
  omnipaxosScenario('Initial election', { serverCount: 3 }, async (cluster) => {
    const leader = await cluster.checkOneLeader();
    await sleep(settleMs);
    const [ballot] = ballotsOf(cluster);
    expect(ballotsOf(cluster), 'ballots').to.deep.equal([ballot]);
    expect(ballot).not.to.equal('');
    await sleep(stableMs);
    expect(ballotsOf(cluster), 'ballots').to.deep.equal([ballot]);
    expect(await cluster.checkOneLeader()).to.equal(leader);
  });

  withEitherCut('Re-election', { serverCount: 3 }, async (cluster) => {
    const first = await cluster.checkOneLeader();
    cluster.disconnect(first);
    await cluster.checkOneLeader();
    cluster.connect(first);
    const { server: second } = await cluster.waitUntilSettled();

    const follower = cluster.after(second, 1);
    cluster.disconnect(second, follower);
    await sleep(stableMs);
    cluster.checkNoLeader();

    cluster.connect(follower);
    await cluster.checkOneLeader();
    cluster.connect(second);
    await cluster.waitUntilSettled();
  });

  withEitherCut('Many elections', { serverCount: 7 }, async (cluster, { random }) => {
    let leader = await cluster.checkOneLeader();
    for (let round = 1; round <= 9; round += 1) {
      // The labs draw all three; a round that leaves the leader alone tests nothing.
      const away = [leader, ...shuffled(cluster.others(leader), random).slice(0, 2)];
      cluster.disconnect(...away);
      leader = await cluster.checkOneLeader();
      cluster.connect(...away);
    }
    await cluster.waitUntilSettled();
  });

  for (const { figure, serverCount } of figures) {
    const body: OmnipaxosBody = (cluster, given) => survivesCut(figure, cluster, given);
    withEitherCut(`Fig ${figure}`, { serverCount }, body);
    for (const electionTimeoutMs of [50, 500]) {
      const title = `Fig ${figure}, election timeout ${electionTimeoutMs} ms`;
      omnipaxosScenario(title, { serverCount, electionTimeoutMs }, body);
    }
  }
});
