import { expect } from 'chai';
import { ClerkError, type Clerk } from '../../src/index.js';
import { rejection } from '../support/rejection.js';
import { chainForms } from './chain-form.js';
import { expectValue } from './key-value-cluster.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { randomFor, scenario } from './report.js';

const suite = 'primary-backup';
const timeoutMs = 60_000;
const chainLength = 100;
const joinLimitMs = 2 * deadTimeMs;
/** For the next view, and then for its backup to have the state. */
const nextViewMs = 3 * deadTimeMs;
const refusalMs = 500;

const lossTitles = { puthash: 'at-most-once Put; unreliable', append: 'at-most-once Append; unreliable' };

/** The first server is the primary, the second its backup, the third idle. */
async function startThree(cluster: PrimaryBackupCluster): Promise<void> {
  await cluster.startServer(0);
  await cluster.untilView(0, undefined, joinLimitMs);
  await cluster.startServer(1);
  await cluster.untilView(0, 1, joinLimitMs);
  await cluster.startServer(2);
  await cluster.untilSettled();
}

describe('primary-backup', () => {
  for (const form of chainForms) {
    scenario(suite, lossTitles[form.name], timeoutMs, ({ random, observe }) =>
      PrimaryBackupCluster.with({ serverCount: 1, random }, async (cluster) => {
        observe(cluster);
        await cluster.startServer(0);
        await cluster.untilView(0, undefined, joinLimitMs);
        cluster.setUnreliable(0, true);
        const clerk = cluster.clerk();
        let held = '';
        for (let link = 0; link < chainLength; link += 1) {
          held = await form.write(clerk, 'counter', held, String(link));
        }
        await expectValue(clerk, 'counter', held);
        await cluster.expectAgreement();
      }),
    );
  }

  /** The tests of this group follow one another on one cluster. */
  describe('Immediately after a failure', () => {
    let cluster: PrimaryBackupCluster;
    let clerk: Clerk;

    before(async () => {
      cluster = await PrimaryBackupCluster.start({ serverCount: 3, random: randomFor('failures') });
      clerk = cluster.clerk();
      await startThree(cluster);
    });
    after(() => cluster.close());

    scenario(suite, 'Put() immediately after backup failure', timeoutMs, async ({ observe }) => {
      observe(cluster);
      for (const [key, value] of [
        ['a', 'aa'],
        ['b', 'bb'],
        ['c', 'cc'],
      ] as const) {
        await clerk.put(key, value);
        await expectValue(clerk, key, value);
      }
      cluster.kill(1);
      await clerk.put('a', 'aaa');
      await expectValue(clerk, 'a', 'aaa');
      await cluster.untilView(0, 2, nextViewMs);
      await cluster.expectAgreement();
      await expectValue(clerk, 'a', 'aaa');
    });

    scenario(suite, 'Put() immediately after primary failure', timeoutMs, async ({ observe }) => {
      observe(cluster);
      cluster.kill(0);
      await clerk.put('b', 'bbb');
      await expectValue(clerk, 'b', 'bbb');
      await cluster.untilView(2, undefined, nextViewMs);
      await expectValue(clerk, 'a', 'aaa');
      await expectValue(clerk, 'b', 'bbb');
      await expectValue(clerk, 'c', 'cc');
      await cluster.expectAgreement();
    });
  });

  scenario(suite, 'Only the primary answers clients', timeoutMs, ({ random, observe }) =>
    PrimaryBackupCluster.with({ serverCount: 3, random }, async (cluster) => {
      observe(cluster);
      await startThree(cluster);
      const clerk = cluster.clerk();
      await clerk.put('a', '1');
      const { viewNumber } = cluster.view;
      for (const [server, why] of [
        [1, `this server is the backup in view ${viewNumber}`],
        [2, 'this server is not the primary'],
      ] as const) {
        const direct = cluster.clerkAt(server);
        for (const call of [
          () => direct.get('a', { timeoutMs: refusalMs }),
          () => direct.put('a', '2', { timeoutMs: refusalMs }),
        ]) {
          const error = await rejection(call(), ClerkError);
          expect(error.kind).to.equal('timed-out');
          expect(error.message).to.include(why);
        }
      }
      await expectValue(clerk, 'a', '1');
      await cluster.expectAgreement();
    }),
  );
});
