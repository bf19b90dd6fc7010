import { expect } from 'chai';
import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import type { Clerk } from '../../src/index.js';
import { expectValue } from './key-value-cluster.js';
import { PendingCall } from './pending-call.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { Relay, type RelayCut } from './primary-backup-relay.js';
import { scenario } from './report.js';
import { waitUntil } from './wait-until.js';

const suite = 'primary-backup';
const timeoutMs = 60_000;
const joinLimitMs = 2 * deadTimeMs;
const viewLimitMs = 3 * deadTimeMs;
/** How long the clerk goes on waiting for the old primary once its Get has come there. */
const answerMs = 2000;

/** Counts the Gets that come to a server, and those it answers with a value. */
class Gets {
  arrived = 0;
  answered = 0;

  readonly serverInterceptor: ServerInterceptor = (method, call) => {
    if (method.path !== '/synod.kv.v1.KVService/Get') return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveHalfClose: (proceed) => {
            this.arrived += 1;
            proceed();
          },
        }),
      sendMessage: (message, proceed) => {
        this.answered += 1;
        proceed(message);
      },
    });
  };
}

interface CutOff {
  readonly cluster: PrimaryBackupCluster;
  /** What comes to server 0 on the way of clients. */
  readonly gets: Gets;
  /** Has found its primary, server 0. */
  readonly clerk: Clerk;
  /** Its Get has left for server 0, and comes there late. */
  readonly lateGet: PendingCall<string>;
}

/**
 * Server 0 is the primary and server 1 its backup. Clients and servers reach server 0 through one relay, and it reaches
 * the view service through another, which is then cut. Answers when server 1 takes calls in server 0's place, which
 * server 0 has not heard of.
 */
async function cutOff(
  cluster: PrimaryBackupCluster,
  delayMs: number,
  cut: RelayCut,
  relays: Relay[],
): Promise<CutOff> {
  const alias = await Relay.start(cluster.path('alias'), cluster.path('view'));
  const front = await Relay.start(cluster.path('0'), cluster.path('0-behind'));
  relays.push(alias, front);
  const gets = new Gets();
  await cluster.startServer(0, {
    listen: `unix:${cluster.path('0-behind')}`,
    viewService: `unix:${cluster.path('alias')}`,
    serverInterceptors: [gets.serverInterceptor],
  });
  await cluster.untilView(0, undefined, joinLimitMs);
  await cluster.startServer(1);
  await cluster.untilView(0, 1, joinLimitMs);
  await cluster.untilSettled();

  // With a limit, because nobody tells a primary that is cut off that it should turn its clients away.
  const clerk = cluster.clerk(delayMs + answerMs);
  await clerk.put('a', '1');
  await expectValue(clerk, 'a', '1');
  expect(gets, 'Gets at the primary').to.include({ arrived: 1, answered: 1 });
  alias.cut(cut);
  front.delayMs = delayMs;
  const lateGet = new PendingCall(clerk.get('a'));
  await cluster.untilView(1, undefined, viewLimitMs);
  await cluster.untilSettled();
  expect(cluster.server(0).status().view, 'what server 0 knows').to.include({
    viewNumber: 2,
    role: 'primary',
  });
  return { cluster, gets, clerk, lateGet };
}

/** The Get comes to server 0, gets nothing there, and ends with the value from elsewhere. */
async function expectRefused({ gets, lateGet }: CutOff, delayMs: number, value: string): Promise<void> {
  expect(gets.arrived, 'Gets that have come').to.equal(1);
  await waitUntil('the late Get comes to the old primary', delayMs, () => gets.arrived > 1);
  expect(await lateGet.within(answerMs + joinLimitMs, 'the late Get')).to.equal(value);
  expect(gets.answered, 'Gets that the old primary has answered').to.equal(1);
}

describe('primary-backup', () => {
  const cutOffScenario = (
    title: string,
    serverCount: number,
    body: (cluster: PrimaryBackupCluster, relays: Relay[]) => Promise<void>,
  ) =>
    scenario(suite, title, timeoutMs, async ({ random, observe }) => {
      const relays: Relay[] = [];
      try {
        await PrimaryBackupCluster.with({ serverCount, random }, (cluster) => body(observe(cluster), relays));
      } finally {
        await Promise.all(relays.map((relay) => relay.close()));
      }
    });

  cutOffScenario('Old primary does not serve Gets', 2, async (cluster, relays) => {
    const delayMs = 4000;
    const given = await cutOff(cluster, delayMs, 'silent', relays);
    const other = cluster.clerk();
    await other.put('a', '111');
    await expectValue(other, 'a', '111');
    await expectRefused(given, delayMs, '111');
    await expectValue(given.clerk, 'a', '111');
    await cluster.expectAgreement();
  });

  cutOffScenario('Partitioned old primary does not complete Gets', 3, async (cluster, relays) => {
    const delayMs = 5000;
    const given = await cutOff(cluster, delayMs, 'broken', relays);
    await cluster.startServer(2);
    await cluster.untilView(1, 2, viewLimitMs);
    await cluster.expectAgreement();
    const other = cluster.clerk();
    await other.put('a', '2');
    await expectValue(other, 'a', '2');
    // Now the old primary does not even reach the backup that it has in its view.
    cluster.kill(1);
    await expectRefused(given, delayMs, '2');
    await expectValue(given.clerk, 'a', '2');
    expect(cluster.view.primary).to.equal(2);
    await cluster.expectAgreement();
  });
});
