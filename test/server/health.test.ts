import { Client, credentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import { service as healthService } from 'grpc-health-check';
import { watchHealth } from '../../src/server/health.js';
import { FakeClock } from '../support/fake-clock.js';
import { startLocalCluster } from '../support/local-cluster.js';

const check = healthService['Check']!;

const healthOf = (endpoint: string, service: string): Promise<string> => {
  const client = new Client(endpoint, credentials.createInsecure());
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service },
      (error, reply) => {
        client.close();
        resolve(error === null ? String((reply as { status: unknown }).status) : `${error.code}`);
      },
    );
  });
};

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('health', () => {
  it('says NOT_SERVING two Hello intervals after the majority falls silent', async () => {
    const helloIntervalMs = 200;
    const cluster = await startLocalCluster(3, { helloIntervalMs });
    try {
      const [endpoint = ''] = cluster.endpoints;
      await sleep(helloIntervalMs);
      for (const service of ['', 'synod.kv.v1.KVService']) {
        expect(await healthOf(endpoint, service)).to.equal('SERVING');
      }
      expect(await healthOf(endpoint, 'no.such.Service')).to.equal('5');
      const [, second, third] = cluster.replicas;
      await second?.close();
      await sleep(3 * helloIntervalMs);
      expect(await healthOf(endpoint, '')).to.equal('SERVING');
      await third?.close();
      const silentSinceMs = performance.now();
      while ((await healthOf(endpoint, 'synod.kv.v1.KVService')) === 'SERVING') {
        // Two intervals, a quarter for the next look, and some slack for a busy machine.
        expect(performance.now() - silentSinceMs).to.be.lessThan(3.5 * helloIntervalMs);
        await sleep(10);
      }
      expect(await healthOf(endpoint, '')).to.equal('NOT_SERVING');
    } finally {
      await cluster.close();
    }
  });

  it('tells the first status and every change, once', async () => {
    const clock = new FakeClock();
    let serving = false;
    const told: string[] = [];
    const watch = watchHealth(
      clock,
      400,
      () => serving,
      (status) => told.push(`${clock.now()} ${status}`),
    );
    clock.timer(150, () => (serving = true));
    clock.timer(750, () => (serving = false));
    let over = false;
    clock.timer(2000, () => (over = true));
    await clock.runUntil(() => over, 3000);
    watch.stop();
    expect(told).to.deep.equal(['0 NOT_SERVING', '200 SERVING', '800 NOT_SERVING']);
  });
});
