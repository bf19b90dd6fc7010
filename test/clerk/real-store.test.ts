import { expect } from 'chai';
import { Clerk, ClerkError } from '../../src/index.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { rejection } from '../support/rejection.js';

/** Long, so that a busy machine does not make a call go out twice. */
const patientMs = 20_000;
/** Short, where a replica that cannot answer has to be left. */
const impatientMs = 1000;

const tagOf = (index: number): string => `<${index}>`;

/** Each of so many tags is there exactly once, and nothing else. */
const expectEachOnce = (value: string, count: number): void => {
  const tags = value.match(/<\d+>/g) ?? [];
  expect(tags.join(''), 'nothing but tags').to.equal(value);
  expect(new Set(tags)).to.deep.equal(new Set(Array.from({ length: count }, (_, index) => tagOf(index))));
  expect(tags).to.have.length(count);
};

const withCluster = async (
  options: Parameters<typeof startLocalCluster>[1] & { readonly attemptTimeoutMs: number },
  body: (cluster: LocalCluster, clerk: Clerk) => Promise<void>,
): Promise<void> => {
  const cluster = await startLocalCluster(3, options);
  const clerk = new Clerk({ endpoints: cluster.endpoints, attemptTimeoutMs: options.attemptTimeoutMs });
  try {
    await body(cluster, clerk);
  } finally {
    await clerk.close();
    await cluster.close();
  }
};

const manyAppends = async (clerk: Clerk, key: string, count: number): Promise<void> => {
  await Promise.all(Array.from({ length: count }, (_, index) => clerk.append(key, tagOf(index))));
};

describe('a clerk at a real store', () => {
  it('has more calls under way than its session has room for', async () => {
    const count = defaultSessionParameters.sequenceWindow + 200;
    await withCluster({ attemptTimeoutMs: patientMs }, async (_cluster, clerk) => {
      const reads = Array.from({ length: 100 }, () => clerk.get('another'));
      await manyAppends(clerk, 'k', count);
      expect(new Set(await Promise.all(reads))).to.deep.equal(new Set(['']));
      expectEachOnce(await clerk.get('k'), count);
    });
  });

  it('opens another session when others have pushed its own out, and repeats nothing', async () => {
    const sessionParameters = { ...defaultSessionParameters, sessionLimit: 2 };
    await withCluster(
      { sessionParameters, attemptTimeoutMs: patientMs },
      async ({ endpoints, replicas }, clerk) => {
        let count = 0;
        for (let round = 0; round < 3; round += 1) {
          await clerk.append('k', tagOf(count));
          count += 1;
          const others = Array.from(
            { length: 2 },
            () => new Clerk({ endpoints, attemptTimeoutMs: patientMs }),
          );
          for (const other of others) await other.put('other', 'v');
          await Promise.all([count, count + 1, count + 2].map((index) => clerk.append('k', tagOf(index))));
          count += 3;
          await Promise.all(others.map((other) => other.close()));
        }
        expectEachOnce(await clerk.get('k'), count);
        expect(replicas[0]!.status().nextClientId, '2 others a round, and itself').to.equal(1 + 1 + 3 * 3);
        expect(replicas[0]!.status().openSessions).to.equal(1);
      },
    );
  });

  it('waits where its session is full of replies, and gets every write through', async () => {
    const sessionParameters = { ...defaultSessionParameters, sessionRepliesLimitBytes: 1000 };
    await withCluster({ sessionParameters, attemptTimeoutMs: patientMs }, async (_cluster, clerk) => {
      await manyAppends(clerk, 'k', 60);
      expectEachOnce(await clerk.get('k'), 60);
    });
  });

  it('goes over to another replica when its own closes, with writes under way', async () => {
    await withCluster({ attemptTimeoutMs: impatientMs }, async ({ replicas }, clerk) => {
      await clerk.append('k', tagOf(0));
      const writes = Array.from({ length: 200 }, async (_, index) => {
        await new Promise((resolve) => setTimeout(resolve, index));
        await clerk.append('k', tagOf(1 + index));
      });
      await new Promise((resolve) => setTimeout(resolve, 60));
      await replicas[0]!.close();
      await Promise.all(writes);
      expectEachOnce(await clerk.get('k'), 201);
    });
  });

  it('says of a call that found no majority that its outcome is unknown, and what each replica said', async () => {
    await withCluster({ attemptTimeoutMs: impatientMs }, async ({ replicas, endpoints }, clerk) => {
      await clerk.put('k', 'v');
      await replicas[1]!.close();
      await replicas[2]!.close();
      const error = await rejection(clerk.append('k', 'w', { timeoutMs: 2500 }), ClerkError);
      expect(error).to.include({ kind: 'timed-out', outcome: 'unknown' });
      expect(error.failures.map(({ endpoint }) => endpoint)).to.have.members([...endpoints]);
      for (const endpoint of endpoints) expect(error.message).to.include(endpoint);
      const abort = new AbortController();
      const read = clerk.get('k', { signal: abort.signal });
      setTimeout(() => abort.abort(), 20);
      expect(await rejection(read, ClerkError)).to.have.property('kind', 'aborted');
    });
  });

  it('says of a call that no replica took that it was not executed', async () => {
    await withCluster({ attemptTimeoutMs: impatientMs }, async ({ replicas }) => {
      await Promise.all(replicas.map((replica) => replica.close()));
      const clerk = new Clerk({ endpoints: replicas.map(({ address }) => address) });
      const error = await rejection(clerk.put('k', 'v', { timeoutMs: 300 }), ClerkError);
      expect(error, 'its session was never opened').to.include({
        kind: 'timed-out',
        outcome: 'not-executed',
      });
      await clerk.close();
    });
  });

  it('needs an endpoint, and an address for each', () => {
    expect(() => new Clerk({ endpoints: [] })).to.throw(RangeError, 'at least one endpoint');
    expect(() => new Clerk({ endpoints: ['nowhere'] })).to.throw(RangeError, 'nowhere');
  });
});
