import { expect } from 'chai';
import { ClerkError, type Clerk } from '../../src/index.js';
import { rejection } from '../support/rejection.js';
import { expectValue } from './key-value-cluster.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { scenario } from './report.js';
import { waitUntil } from './wait-until.js';

const suite = 'primary-backup';
const timeoutMs = 60_000;
const joinLimitMs = 2 * deadTimeMs;
/** How soon whoever is concerned must say what is wrong. */
const troubleLimitMs = 4 * deadTimeMs;
const callLimitMs = 3000;
/** By how much a call may miss its deadline. */
const slackMs = 500;
const newViewService =
  'the view service has restarted and knows nothing of the views that this server took part in: stop all servers, and start them anew';

/** A call ends at its deadline, and says what keeps it from being answered. */
async function expectTimesOut(clerk: Clerk, why: string): Promise<void> {
  const startMs = performance.now();
  const error = await rejection(clerk.get('a', { timeoutMs: callLimitMs }), ClerkError);
  expect(error.kind).to.equal('timed-out');
  expect(error.message).to.include(why);
  expect(performance.now() - startMs).to.be.within(callLimitMs - slackMs, callLimitMs + slackMs);
}

const untilTrouble = (cluster: PrimaryBackupCluster, trouble: string): Promise<void> =>
  waitUntil(`the view service says "${trouble}"`, troubleLimitMs, () => cluster.trouble === trouble);

/** A server that has been started anew says it too. */
const untilServerTrouble = (cluster: PrimaryBackupCluster, server: number, trouble: string): Promise<void> =>
  waitUntil(
    `server ${server} says "${trouble}"`,
    troubleLimitMs,
    () => cluster.server(server).status().trouble === trouble,
  );

const deadEnd = (title: string, body: (cluster: PrimaryBackupCluster, clerk: Clerk) => Promise<void>): void =>
  scenario(suite, title, timeoutMs, ({ random, observe }) =>
    PrimaryBackupCluster.with({ serverCount: 3, random }, (cluster) =>
      body(observe(cluster), cluster.clerk()),
    ),
  );

describe('primary-backup', () => {
  deadEnd('Primary dies before it acknowledges its view', async (cluster, clerk) => {
    await cluster.startServer(0);
    await cluster.untilView(0, undefined, joinLimitMs);
    await cluster.startServer(1, {
      trace: (event) => {
        if (event === 'view' && cluster.server(1).status().view?.role === 'primary') cluster.kill(1);
      },
    });
    await cluster.untilView(0, 1, joinLimitMs);
    await cluster.startServer(2);
    await cluster.untilSettled();
    await clerk.put('a', '1');

    cluster.kill(0);
    const trouble = `view 3 waits for its primary ${cluster.address(1)} to acknowledge it`;
    await untilTrouble(cluster, trouble);
    expect(cluster.isRunning(1), 'server 1 lives').to.equal(false);
    await expectTimesOut(clerk, trouble);

    // Empty, it is no help.
    await cluster.startServer(1);
    await untilServerTrouble(cluster, 1, trouble);
    await expectTimesOut(clerk, trouble);
    expect(cluster.view).to.include({ viewNumber: 3, primary: 1, backup: 2, isAcknowledged: false });
  });

  deadEnd('Primary dies without a backup', async (cluster, clerk) => {
    await cluster.startServer(0);
    await cluster.untilView(0, undefined, joinLimitMs);
    await clerk.put('a', '1');
    cluster.kill(0);
    const trouble = `view 1: its only holder of the data ${cluster.address(0)} is gone; a restarted server is empty and cannot take over`;
    await untilTrouble(cluster, trouble);
    await expectTimesOut(clerk, trouble);

    await cluster.startServer(0);
    await cluster.startServer(1);
    for (const server of [0, 1]) await untilServerTrouble(cluster, server, trouble);
    await expectTimesOut(clerk, trouble);
    expect(cluster.trouble).to.equal(trouble);
    expect(cluster.view).to.include({ viewNumber: 1, primary: 0, backup: undefined });
    for (const server of [0, 1])
      expect(cluster.server(server).serving, `server ${server} serves`).to.equal(false);
  });

  deadEnd('Primary dies before its backup has the state', async (cluster, clerk) => {
    await cluster.startServer(0);
    await cluster.untilView(0, undefined, joinLimitMs);
    await clerk.put('a', '1');
    cluster.loseAt(0, 'PullState');
    await cluster.startServer(1);
    await cluster.untilView(0, 1, joinLimitMs);
    await waitUntil('the primary acknowledges', joinLimitMs, () => cluster.view.isAcknowledged);
    cluster.kill(0);
    const trouble = `view 2: its only holder of the data ${cluster.address(0)} is gone; a restarted server is empty and cannot take over`;
    await untilTrouble(cluster, trouble);
    await untilServerTrouble(cluster, 1, trouble);
    await expectTimesOut(clerk, trouble);
    expect(cluster.view).to.include({ viewNumber: 2, primary: 0, backup: 1 });
  });

  deadEnd('View service restarts', async (cluster, clerk) => {
    await cluster.startServer(0);
    await cluster.untilView(0, undefined, joinLimitMs);
    await cluster.startServer(1);
    await cluster.untilView(0, 1, joinLimitMs);
    await clerk.put('a', '1');
    await cluster.expectAgreement();

    await cluster.restartViewService();
    for (const server of [0, 1]) {
      await untilServerTrouble(cluster, server, newViewService);
      expect(cluster.server(server).serving, `server ${server} serves`).to.equal(false);
    }
    await expectTimesOut(clerk, newViewService);
    // They have no part in what begins anew.
    expect(cluster.view).to.include({ viewNumber: 0, primary: undefined });
    await cluster.startServer(2);
    await cluster.untilView(2, undefined, joinLimitMs);
    await expectValue(cluster.clerk(), 'a', '');
    expect(cluster.view.backup).to.equal(undefined);
    for (const server of [0, 1]) await untilServerTrouble(cluster, server, newViewService);
  });
});
