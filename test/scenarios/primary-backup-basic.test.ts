import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import { nextLink } from '../support/fnv-twin.js';
import { expectValue } from './key-value-cluster.js';
import { PendingCall } from './pending-call.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { randomFor, scenario } from './report.js';

const suite = 'primary-backup';
const timeoutMs = 60_000;
const viewLimitMs = 2 * deadTimeMs;
const pingIntervalMs = 100;
const countedPuts = 100;
/** For questions and pings at the edges of what is counted. */
const countSlack = 20;
const noAnswerMs = 2000;

/** The tests of this group follow one another on one cluster, and each starts from where the last one ended. */
describe('primary-backup', () => {
  let cluster: PrimaryBackupCluster;
  let clerk: Clerk;

  before(async () => {
    cluster = await PrimaryBackupCluster.start({ serverCount: 3, random: randomFor('basic') });
    clerk = cluster.clerk();
  });
  after(() => cluster.close());

  scenario(suite, 'Single primary, no backup', timeoutMs, async ({ observe }) => {
    observe(cluster);
    await cluster.startServer(0);
    await cluster.untilView(0, undefined, viewLimitMs);
    for (const [key, value] of [
      ['111', 'v1'],
      ['2', 'v2'],
      ['1', 'v1a'],
    ] as const) {
      await clerk.put(key, value);
      await expectValue(clerk, key, value);
    }
    await clerk.append('ak', 'hello');
    await expectValue(clerk, 'ak', 'hello');
    await clerk.put('ak', 'xx');
    await clerk.append('ak', 'yy');
    await expectValue(clerk, 'ak', 'xxyy');
    expect(await clerk.putHash('hash', 'x')).to.equal('');
    await expectValue(clerk, 'hash', nextLink('', 'x'));
    await cluster.expectAgreement();
  });

  scenario(suite, 'Add a backup', timeoutMs, async ({ observe }) => {
    observe(cluster);
    await cluster.startServer(1);
    await cluster.untilView(0, 1, viewLimitMs);
    // The state is under way to the backup.
    await clerk.put('3', '33');
    await expectValue(clerk, '3', '33');
    await cluster.expectAgreement();
    await clerk.put('4', '44');
    await expectValue(clerk, '4', '44');
    await cluster.expectAgreement();
  });

  scenario(suite, 'Count RPCs to viewserver', timeoutMs, async ({ observe }) => {
    observe(cluster);
    const before = cluster.viewRpcCount;
    const startMs = performance.now();
    for (let put = 0; put < countedPuts; put += 1) await clerk.put(`xk${put}`, String(put));
    const intervals = Math.floor((performance.now() - startMs) / pingIntervalMs);
    const asked = cluster.viewRpcCount - before;
    // Two servers ping.
    expect(asked, `RPCs to the view service in ${intervals} intervals`).to.be.at.most(
      2 * intervals + countSlack,
    );
    await cluster.expectAgreement();
  });

  scenario(suite, 'Primary failure', timeoutMs, async ({ observe }) => {
    observe(cluster);
    cluster.kill(0);
    await cluster.untilView(1, undefined, viewLimitMs);
    await expectValue(clerk, '1', 'v1a');
    await expectValue(clerk, '3', '33');
    await expectValue(clerk, '4', '44');
    await cluster.expectAgreement();
  });

  scenario(suite, 'Kill last server, new one should not be active', timeoutMs, async ({ observe }) => {
    observe(cluster);
    cluster.kill(1);
    await cluster.startServer(2);
    await sleep(viewLimitMs);
    const get = new PendingCall(clerk.get('1'));
    await sleep(noAnswerMs);
    expect(get.isSettled, 'the Get has returned').to.equal(false);
    expect(cluster.view.primary).to.equal(1);
  });
});
