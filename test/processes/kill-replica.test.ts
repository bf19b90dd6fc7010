import { expect } from 'chai';
import { Clerk } from '../../src/index.js';
import { nextLink } from '../support/fnv-twin.js';
import { endCommands } from './command.js';
import { freeDevCluster } from './dev-cluster.js';
import { partOf } from '../scenarios/report.js';
import { until } from '../support/until.js';

const clerkCount = 16;
const callsPerClerk = 188;
/** No call comes near it, unless the store has stopped. */
const callLimitMs = 10_000;
/** Two attempt timeouts of a clerk, which are 1,000 ms unless told otherwise. */
const pauseLimitMs = 2000;

/** What one clerk has seen. */
interface Progress {
  callCount: number;
  longestCallMs: number;
}

describe('A replica killed while clerks write', () => {
  afterEach(endCommands);

  // No replica is another than the others; an exhaustive run kills each.
  for (const victim of partOf('victim', [1, 2, 3])) {
    it(`lets no call fail, breaks no chain and holds no clerk up, where it is replica ${victim}`, async () => {
      const { addresses, replicas } = await freeDevCluster();
      const progress = Array.from({ length: clerkCount }, () => ({ callCount: 0, longestCallMs: 0 }));
      const callCount = () => progress.reduce((sum, { callCount }) => sum + callCount, 0);
      const startedAtMs = performance.now();
      const chains = progress.map((own, index) => writeChain(`key-${index}`, turned(addresses, index), own));
      const half = (clerkCount * callsPerClerk) / 2;
      const killed = until('half of the calls', 90_000, () => (callCount() >= half ? true : undefined)).then(
        () => {
          process.kill(replicas[victim - 1]!.pid, 'SIGKILL');
          return callCount();
        },
      );
      await Promise.all([...chains, killed]);
      const seconds = (performance.now() - startedAtMs) / 1000;
      const longestMs = Math.max(...progress.map(({ longestCallMs }) => longestCallMs));
      console.log(
        `    ${callCount()} calls in ${seconds.toFixed(1)} s, longest ${longestMs.toFixed(0)} ms; ` +
          `replica ${victim} killed after ${await killed}`,
      );
      expect(callCount()).to.be.at.least(3000);
      expect(await killed).to.be.below(callCount() - clerkCount);
      expect(longestMs).to.be.below(pauseLimitMs);
    });
  }
});

/** The endpoints in another order for each clerk, so that every replica has clerks that prefer it. */
const turned = (endpoints: readonly string[], index: number): string[] => {
  const first = index % endpoints.length;
  return [...endpoints.slice(first), ...endpoints.slice(0, first)];
};

/** Makes one PutHash after another on a key of its own, and checks every answer. */
async function writeChain(key: string, endpoints: readonly string[], progress: Progress): Promise<void> {
  const clerk = new Clerk({ endpoints });
  try {
    let expected = '';
    for (let call = 0; call < callsPerClerk; call += 1) {
      const startedAtMs = performance.now();
      const previous = await clerk.putHash(key, `value-${call}`, { timeoutMs: callLimitMs });
      progress.longestCallMs = Math.max(progress.longestCallMs, performance.now() - startedAtMs);
      progress.callCount += 1;
      expect(previous, `${key}, call ${call}`).to.equal(expected);
      expected = nextLink(previous, `value-${call}`);
    }
    expect(await clerk.get(key)).to.equal(expected);
  } finally {
    await clerk.close();
  }
}
