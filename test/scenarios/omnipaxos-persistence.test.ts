import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Random } from '../../src/runtime/random.js';
import type { OmnipaxosCluster } from './omnipaxos-cluster.js';
import { omnipaxosScenario } from './omnipaxos-scenario.js';
import { cutAs, figures, type Figure } from './partial-connectivity.js';
import { waitUntil } from './wait-until.js';

/** The labs' election timeout: how long they let things happen. */
const letBeMs = 1000;

describe('omnipaxos', () => {
  omnipaxosScenario('Basic persistence', { serverCount: 3, onDisk: true }, async (cluster) => {
    await cluster.one('11', 3, true);
    for (const server of cluster.servers) await cluster.crashAndRestart(server);
    for (const server of cluster.servers) cluster.disconnect(server);
    for (const server of cluster.servers) cluster.connect(server);
    await cluster.one('12', 3, true);

    const first = await cluster.checkOneLeader();
    cluster.disconnect(first);
    await cluster.crashAndRestart(first);
    cluster.connect(first);
    await cluster.one('13', 3, true);

    const second = await cluster.checkOneLeader();
    cluster.disconnect(second);
    const slot = await cluster.one('14', 2, true);
    await cluster.crashAndRestart(second);
    cluster.connect(second);
    // It has joined before another one goes.
    await cluster.waitForApplied(slot, cluster.servers);

    const follower = cluster.after(await cluster.checkOneLeader(), 1);
    cluster.disconnect(follower);
    await cluster.one('15', 2, true);
    await cluster.crashAndRestart(follower);
    cluster.connect(follower);
    await cluster.one('16', 3, true);
    expectInOrder(cluster, '11', '12', '13', '14', '15', '16');
  });

  omnipaxosScenario('All servers down at once', { serverCount: 3, onDisk: true }, async (cluster) => {
    await cluster.one('11', 3, true);
    await cluster.one('12', 3, true);
    const leader = await cluster.checkOneLeader();
    await Promise.all(cluster.servers.map((server) => cluster.crash(server)));
    // What the followers have on disk must do.
    for (const server of cluster.others(leader)) await cluster.restart(server);
    await cluster.one('13', 2, true);
    await cluster.restart(leader);
    await cluster.one('14', 3, true);
    expectInOrder(cluster, '11', '12', '13', '14');
  });

  omnipaxosScenario('More persistence', { serverCount: 5, onDisk: true }, rotatingMajorities);

  omnipaxosScenario('Partitioned leader and crash', { serverCount: 3, onDisk: true }, async (cluster) => {
    await cluster.one('101', 3, true);
    const leader = await cluster.checkOneLeader();
    const [next, off] = [cluster.after(leader, 1), cluster.after(leader, 2)];
    cluster.disconnect(off);
    await cluster.one('102', 2, true);

    await cluster.crash(leader);
    await cluster.crash(next);
    cluster.connect(off);
    await cluster.restart(leader);
    await cluster.one('103', 2, true);
    await cluster.restart(next);
    await cluster.one('104', 3, true);
    expectInOrder(cluster, '101', '102', '103', '104');
  });

  omnipaxosScenario('Crash over divergent logs', { serverCount: 5, onDisk: true }, replacedForGood);

  for (const { figure, serverCount } of figures) {
    omnipaxosScenario(`Fig ${figure} with crashes`, { serverCount, onDisk: true }, (cluster, { random }) =>
      remembersAcross(figure, cluster, random),
    );
  }
});

/** Ever another majority decides, and those that were down come back to it. */
async function rotatingMajorities(cluster: OmnipaxosCluster): Promise<void> {
  const values: string[] = [];
  const next = (): string => {
    values.push(String(11 + values.length));
    return values.at(-1) ?? '';
  };
  for (let round = 0; round < 5; round += 1) {
    await cluster.one(next(), 5, true);
    const leader = await cluster.checkOneLeader();
    const follower = (distance: number) => cluster.after(leader, distance);
    const [first, second, third, fourth] = [follower(1), follower(2), follower(3), follower(4)] as const;

    cluster.disconnect(first, second);
    await cluster.one(next(), 3, true);
    cluster.disconnect(leader, third, fourth);
    await cluster.crashAndRestart(first);
    await cluster.crashAndRestart(second);
    cluster.connect(first, second);
    await sleep(letBeMs);
    cluster.checkNoLeader();

    await cluster.crashAndRestart(third);
    cluster.connect(third);
    await cluster.one(next(), 3, true);
    cluster.connect(fourth, leader);
  }
  await cluster.one('1000', 5, true);
  expectInOrder(cluster, ...values, '1000');
}

/** A long log of a minority meets a short one of a majority after all have gone down, and must not come back later. */
async function replacedForGood(cluster: OmnipaxosCluster): Promise<void> {
  await cluster.one('before', 5, true);
  const leader = await cluster.checkOneLeader();
  const pair = [leader, cluster.after(leader, 1)];
  const others = cluster.others(...pair);
  cluster.disconnect(...others);
  const vain = Array.from({ length: 50 }, (_, entry) => `in vain ${entry}`);
  const end = Math.max(...vain.map((value) => cluster.proposeAtLeader(leader, value))) + 1;
  await waitUntil('the pair has it', letBeMs, () =>
    pair.every((server) => cluster.peer(server).acceptedEnd === end),
  );
  cluster.disconnect(...pair);
  cluster.connect(...others);
  for (let entry = 0; entry < 10; entry += 1) await cluster.one(`decided ${entry}`, 3, true);

  const [witness = 0, ...late] = others;
  await Promise.all(cluster.servers.map((server) => cluster.crash(server)));
  cluster.heal();
  for (const server of [...pair, witness]) await cluster.restart(server);
  await cluster.one('found by one of three', 3, true);
  for (const server of late) await cluster.restart(server);
  await cluster.one('everywhere', 5, true);

  await Promise.all(cluster.servers.map((server) => cluster.crash(server)));
  for (const server of cluster.servers) await cluster.restart(server);
  await cluster.one('once more', 5, true);
  expectInOrder(
    cluster,
    'before',
    'decided 0',
    'decided 9',
    'found by one of three',
    'everywhere',
    'once more',
  );
  expect(cluster.applied.values.filter((value) => vain.includes(value))).to.deep.equal([]);
}

/** All but the leader of a partially connected cluster go down at once, after they have decided under it. */
async function remembersAcross(figure: Figure, cluster: OmnipaxosCluster, random: Random): Promise<void> {
  await cluster.one('101', cluster.peerCount, true);
  const { successor, ballot } = await cutAs(figure, cluster, random);
  await cluster.waitForLeader(successor, ballot);
  const slots = ['102', '103', '104'].map((value) => cluster.proposeAtLeader(successor, value));
  await cluster.waitForApplied(Math.max(...slots), [successor]);

  const others = cluster.others(successor);
  await Promise.all(others.map((server) => cluster.crash(server)));
  for (const server of others) await cluster.restart(server);
  cluster.heal();
  await cluster.one('105', cluster.peerCount, true);
  if (figure !== '5A') await cluster.one('106', cluster.peerCount, true);
  expectInOrder(cluster, '101', '102', '103', '104', '105');
}

/** These were applied, each after the one before; between them may be what a proposal that was made again left. */
function expectInOrder(cluster: OmnipaxosCluster, ...expected: readonly string[]): void {
  const slots = expected.map((value) => cluster.applied.values.indexOf(value));
  expect(slots, 'values that were applied').to.not.include(-1);
  expect(slots).to.deep.equal([...slots].sort((left, right) => left - right));
}
