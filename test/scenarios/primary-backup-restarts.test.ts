import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import { putHashLink } from './chain-form.js';
import { expectValue } from './key-value-cluster.js';
import { PendingCall } from './pending-call.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { scenario } from './report.js';

const suite = 'primary-backup';
const timeoutMs = 60_000;
const viewLimitMs = 2 * deadTimeMs;

/** Each link of one chain, so that a write that was lost or ran twice shows. */
class Chain {
  #held = '';
  #links = 0;

  constructor(private readonly clerk: Clerk) {}

  async write(): Promise<void> {
    this.#links += 1;
    this.#held = await putHashLink.write(this.clerk, 'a', this.#held, String(this.#links));
  }

  check(): Promise<void> {
    return expectValue(this.clerk, 'a', this.#held);
  }
}

/** Kills a server and starts it again, empty, before the view service has missed it. */
async function restartAtOnce(cluster: PrimaryBackupCluster, server: number): Promise<void> {
  const { viewNumber } = cluster.view;
  cluster.kill(server);
  await cluster.startServer(server);
  expect(cluster.view.viewNumber, 'number of the view when the server is back').to.equal(viewNumber);
}

const restart = (title: string, body: (cluster: PrimaryBackupCluster, chain: Chain) => Promise<void>): void =>
  scenario(suite, title, timeoutMs, ({ random, observe }) =>
    PrimaryBackupCluster.with({ serverCount: 2, random }, async (cluster) => {
      observe(cluster);
      const chain = new Chain(cluster.clerk());
      await cluster.startServer(0);
      await cluster.untilView(0, undefined, viewLimitMs);
      await chain.write();
      await body(cluster, chain);
    }),
  );

async function joinBackup(cluster: PrimaryBackupCluster): Promise<void> {
  await cluster.startServer(1);
  await cluster.untilView(0, 1, viewLimitMs);
  await cluster.untilSettled();
}

/** The backup is on its own, and has everything. */
async function expectTakesOver(cluster: PrimaryBackupCluster, chain: Chain): Promise<void> {
  cluster.kill(0);
  await cluster.untilView(1, undefined, viewLimitMs);
  await chain.check();
  await chain.write();
  await chain.check();
  await cluster.expectAgreement();
}

describe('primary-backup', () => {
  restart('Primary restarts before it is missed', async (cluster, chain) => {
    await joinBackup(cluster);
    await chain.write();
    await restartAtOnce(cluster, 0);
    await chain.write();
    await chain.check();
    await cluster.expectAgreement();
    expect(cluster.view).to.include({ viewNumber: 3, primary: 1, backup: 0 });
  });

  restart('Backup restarts before it is missed', async (cluster, chain) => {
    await joinBackup(cluster);
    await chain.write();
    await restartAtOnce(cluster, 1);
    await chain.write();
    await cluster.expectAgreement();
    expect(cluster.view).to.include({ viewNumber: 3, primary: 0, backup: 1 });
    await expectTakesOver(cluster, chain);
  });

  restart('Backup restarts before it has the state', async (cluster, chain) => {
    cluster.loseAt(0, 'PullState');
    await cluster.startServer(1);
    await cluster.untilView(0, 1, viewLimitMs);
    for (const server of [0, 1]) await cluster.untilHeard(server, viewLimitMs);
    const write = new PendingCall(chain.write());
    await restartAtOnce(cluster, 1);
    expect(write.isSettled, 'the write has been answered').to.equal(false);
    cluster.loseAt(0);
    await write.within(viewLimitMs, 'the write');
    await cluster.expectAgreement();
    // It had nothing to lose, so the view goes on.
    expect(cluster.view).to.include({ viewNumber: 2, primary: 0, backup: 1 });
    await expectTakesOver(cluster, chain);
  });
});
