import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { formatBallot } from '../../src/log/ballot.js';
import type { Random } from '../../src/runtime/random.js';
import type { OmnipaxosCluster } from './omnipaxos-cluster.js';
import { omnipaxosScenario, withEitherCut } from './omnipaxos-scenario.js';
import { cutAs, figures, type Figure } from './partial-connectivity.js';
import { randomNumeral } from './random-choices.js';

/** The labs' election timeout: how long they let things happen. */
const letBeMs = 1000;

const manyEntries = 300;
/** An entry that waits for a heartbeat takes longer. */
const entryLimitMs = 33;

/** Cuts that are over before anybody can miss a heartbeat. */
const slowAndSilent = { serverCount: 3, electionTimeoutMs: 500, cuts: 'black-hole' } as const;
/** The leader itself loses patience after five. */
const noticeTimeouts = 3;

const largeBytes = 5000;
const entries = 10;

describe('omnipaxos', () => {
  omnipaxosScenario('Basic agreement', { serverCount: 3 }, async (cluster) => {
    for (let slot = 0; slot < 3; slot += 1) {
      expect(cluster.applied.count(slot), 'nothing is applied that was not proposed').to.equal(0);
      expect(await cluster.one(String(slot * 100), 3, false)).to.equal(slot);
    }
  });

  omnipaxosScenario('300 entries', { serverCount: 3 }, async (cluster) => {
    await cluster.one('first', 3, true);
    const startMs = performance.now();
    for (let entry = 0; entry < manyEntries; entry += 1) await cluster.one(String(entry), 3, false);
    const tookMs = performance.now() - startMs;
    console.log(`  ${manyEntries} entries one by one: ${(tookMs / manyEntries).toFixed(1)} ms each`);
    expect(tookMs).to.be.below(manyEntries * entryLimitMs);
    expect(cluster.applied.values.length).to.equal(manyEntries + 1);
  });

  omnipaxosScenario('RPC bytes', { serverCount: 3 }, async (cluster, { random }) => {
    await cluster.one('99', 3, false);
    const before = cluster.faults.traffic.bytes;
    for (let entry = 1; entry <= entries; entry += 1) {
      expect(await cluster.one(randomText(largeBytes, random), 3, false)).to.equal(entry);
    }
    const sent = cluster.faults.traffic.bytes - before;
    console.log(`  ${sent} bytes for ${entries * largeBytes} of commands`);
    expect(sent).to.be.at.most(3 * entries * largeBytes + 50_000);
    expect(sent, 'two servers must be told').to.be.at.least(2 * entries * largeBytes);
  });

  withEitherCut('Follower off and back', { serverCount: 3 }, async (cluster) => {
    await cluster.one('101', 3, false);
    const follower = cluster.after(await cluster.checkOneLeader(), 1);
    cluster.disconnect(follower);
    await cluster.one('102', 2, false);
    await cluster.one('103', 2, false);
    await sleep(letBeMs);
    await cluster.one('104', 2, false);
    await cluster.one('105', 2, false);
    expect(cluster.applied.has(follower, 1), 'the one that is off has nothing of it').to.equal(false);
    cluster.connect(follower);
    await cluster.one('106', 3, true);
    await sleep(letBeMs);
    await cluster.one('107', 3, true);
  });

  omnipaxosScenario('Entries lost on the way', slowAndSilent, async (cluster) => {
    await cluster.one('101', 3, true);
    const { server: leader } = await cluster.waitUntilSettled();
    const follower = cluster.after(leader, 1);
    const loseAt = async (value: string): Promise<number> => {
      cluster.disconnect(follower);
      const slot = await cluster.one(value, 2, false);
      cluster.connect(follower);
      expect(cluster.applied.has(follower, slot)).to.equal(false);
      return slot;
    };
    await loseAt('102');
    await cluster.one('103, which shows that 102 was lost', 3, false);

    const slot = await loseAt('104, after which nothing comes');
    const startMs = performance.now();
    await cluster.waitForApplied(slot, [follower]);
    const tookMs = performance.now() - startMs;
    console.log(`  an idle follower notices after ${tookMs.toFixed(0)} ms that it has missed an entry`);
    expect(tookMs).to.be.below(noticeTimeouts * slowAndSilent.electionTimeoutMs);
  });

  withEitherCut('No agreement without majority', { serverCount: 5 }, async (cluster) => {
    expect(await cluster.one('10', 5, false)).to.equal(0);
    const leader = await cluster.checkOneLeader();
    const off = [1, 2, 3].map((distance) => cluster.after(leader, distance));
    cluster.disconnect(...off);
    const slot = cluster.proposeAtLeader(leader, '20');
    expect(slot).to.equal(1);
    await sleep(2 * letBeMs);
    expect(cluster.applied.count(slot), 'applied without a majority').to.equal(0);

    cluster.connect(...off);
    // The three may have elected a leader among themselves, which does not know of 20; or it has been kept.
    const next = cluster.proposeAtLeader(await cluster.checkOneLeader(), '30');
    expect(next).to.be.within(1, 2);
    await cluster.one('1000', 5, true);
    const { values } = cluster.applied;
    expect(values.filter((value) => value === '20').length).to.be.at.most(1);
    expect(values[0]).to.equal('10');
  });

  omnipaxosScenario('Concurrent proposals', { serverCount: 3 }, async (cluster, { random }) => {
    await cluster.one('first', 3, true);
    const leader = await cluster.checkOneLeader();
    const first = cluster.proposeAtLeader(leader, '1');
    const proposals = Array.from({ length: 5 }, async (_, caller) => {
      await sleep(random.below(3));
      return cluster.proposeAtLeader(leader, String(100 + caller));
    });
    const slots = await Promise.all(proposals);
    await cluster.waitForApplied(first + 5, cluster.servers);
    expect(new Set(slots).size, 'each has a slot of its own').to.equal(5);
    for (const [caller, slot] of slots.entries()) {
      expect(cluster.applied.values[slot]).to.equal(String(100 + caller));
    }
  });

  withEitherCut('Rejoin of partitioned leader', { serverCount: 3 }, async (cluster) => {
    await cluster.one('101', 3, true);
    const first = await cluster.checkOneLeader();
    cluster.disconnect(first);
    const vain = ['102', '103', '104'];
    for (const value of vain) cluster.proposeAtLeader(first, value);
    await cluster.one('103 of the next', 2, true);

    const second = await cluster.checkOneLeader();
    cluster.disconnect(second);
    cluster.connect(first);
    await cluster.one('104 of the next', 2, true);
    cluster.connect(second);
    await cluster.one('105', 3, true);
    const found = cluster.applied.values.filter((value) => vain.includes(value));
    expect(found, 'proposals that never left their server').to.deep.equal([]);
  });

  withEitherCut('Backup over divergent logs', { serverCount: 5 }, (cluster, { random }) =>
    divergentLogs(cluster, random),
  );

  omnipaxosScenario('RPC counts', { serverCount: 3 }, async (cluster, { random }) => {
    await sleep(letBeMs);
    const leader = await cluster.checkOneLeader();
    const election = cluster.rpcCount;
    const ballot = formatBallot(cluster.highestPromise);

    const first = cluster.proposeAtLeader(leader, 'first');
    for (let entry = 0; entry < entries; entry += 1) cluster.proposeAtLeader(leader, randomNumeral(random));
    await cluster.waitForApplied(first + entries, cluster.servers);
    const agreement = cluster.rpcCount - election;

    await sleep(letBeMs);
    const idle = cluster.rpcCount - election - agreement;
    console.log(`  election ${election}, ${entries} entries ${agreement}, idle second ${idle} RPCs`);
    expect(formatBallot(cluster.highestPromise), 'counted under one leader').to.equal(ballot);
    expect(election).to.be.within(1, 119);
    expect(agreement).to.be.below(140);
    expect(idle).to.be.at.most(90);
  });
  for (const { figure, serverCount } of figures) {
    omnipaxosScenario(`Fig ${figure}, agreement`, { serverCount }, (cluster, { random }) =>
      agreesAcross(figure, cluster, random),
    );
  }
});

/** Partially connected servers go on deciding, and all agree once the links are back. */
async function agreesAcross(figure: Figure, cluster: OmnipaxosCluster, random: Random): Promise<void> {
  await cluster.one('101', cluster.peerCount, true);
  const { successor, ballot } = await cutAs(figure, cluster, random);
  await cluster.waitForLeader(successor, ballot);
  const slots = ['102', '103', '104'].map((value) => cluster.proposeAtLeader(successor, value));
  await cluster.waitForApplied(Math.max(...slots), [successor]);
  cluster.heal();
  await sleep(letBeMs);
  await cluster.one('105', cluster.peerCount, true);
  await cluster.one('106', cluster.peerCount, true);
  expect(slots.map((slot) => cluster.applied.values[slot])).to.deep.equal(['102', '103', '104']);
}

const divergence = 50;

/** Two leaders in turn, each with entries that its minority alone has. */
async function divergentLogs(cluster: OmnipaxosCluster, random: Random): Promise<void> {
  const draw = () => randomNumeral(random);
  const proposeMany = (server: number) => {
    for (let entry = 0; entry < divergence; entry += 1) cluster.proposeAtLeader(server, draw());
  };
  const agreeOnMany = async () => {
    for (let entry = 0; entry < divergence; entry += 1) await cluster.one(draw(), 3, true);
  };
  await cluster.one(draw(), 5, true);

  const first = await cluster.checkOneLeader();
  const pair = [first, cluster.after(first, 1)];
  const others = cluster.others(...pair);
  cluster.disconnect(...others);
  proposeMany(first);
  await sleep(letBeMs / 2);

  cluster.disconnect(...pair);
  cluster.connect(...others);
  await agreeOnMany();

  const second = await cluster.checkOneLeader();
  const [away = 0] = others.filter((server) => server !== second);
  cluster.disconnect(away);
  proposeMany(second);
  // Both that are left have them now; then nobody has a majority.
  await sleep(letBeMs / 2);

  cluster.disconnect(...cluster.servers);
  cluster.connect(...pair, away);
  await agreeOnMany();

  cluster.connect(...cluster.servers);
  await cluster.one(draw(), 5, true);
}

const randomText = (length: number, random: Random): string =>
  Array.from({ length }, () => String.fromCharCode(97 + random.below(26))).join('');
