import { expect } from 'chai';
import { Clerk, startReplica, type RunningReplica } from '../../src/index.js';
import { untilAllServe } from '../support/all-serve.js';
import { freePorts } from '../support/free-ports.js';
import { LinkFaults } from '../scenarios/link-faults.js';
import { until } from '../support/until.js';

const putCount = 500;

describe('A replica that was cut off', () => {
  it('applies what it missed within 5 s of being reached again, without a call from any client', async () => {
    const ports = await freePorts(3);
    const peers = ports.map((port, index) => ({ id: index + 1, address: `127.0.0.1:${port}` }));
    const faults = new LinkFaults();
    const replicas = await Promise.all(
      peers.map(({ id }) =>
        startReplica({ id, peers, peerInterceptors: (peer) => [faults.interceptor(id, peer)] }),
      ),
    );
    try {
      await untilAllServe(replicas);
      faults.partition([[1, 2], [3]]);
      await putAll(peers.slice(0, 2).map(({ address }) => address));
      const [one, two, three] = replicas.map(applied);
      expect(one).to.be.at.least(putCount - 1);
      expect(two).to.be.at.least(putCount - 1);
      expect(three).to.equal(undefined);

      faults.heal();
      const healedAtMs = performance.now();
      await until('the replica catches up', 5000, () => {
        const slots = replicas.map(applied);
        return slots.every((slot) => slot !== undefined && slot === slots[0]) || undefined;
      });
      console.log(`    caught up in ${(performance.now() - healedAtMs).toFixed(0)} ms`);
    } finally {
      await Promise.all(replicas.map((replica) => replica.close()));
    }
  });
});

const applied = (replica: RunningReplica): number | undefined => replica.status().log.applied;

/** One put after another, each in a slot of its own. */
async function putAll(endpoints: readonly string[]): Promise<void> {
  const clerk = new Clerk({ endpoints });
  try {
    for (let put = 0; put < putCount; put += 1) await clerk.put(`key-${put % 10}`, `value-${put}`);
  } finally {
    await clerk.close();
  }
}
