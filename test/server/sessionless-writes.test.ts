import { expect } from 'chai';
import { CallError } from '../../src/rpc/call-error.js';
import { seededRandom } from '../../src/runtime/random.js';
import { KvpaxosCluster } from '../scenarios/kvpaxos-cluster.js';
import { ownStream } from '../scenarios/random-choices.js';
import { seed } from '../scenarios/report.js';
import { RawClient } from '../support/raw-client.js';

const serverCount = 3;
const writersPerServer = 4;
const writesPerWriter = 15;
/** Now and then a caller stops waiting before or while its write is agreed on. */
const impatientMs = 4;
const patientMs = 5000;

const occurrences = (text: string, part: string): number => text.split(part).length - 1;

describe('writes without a session', () => {
  it('run at most once an attempt, under loss and with all servers contending; those answered exactly once', async () => {
    console.log(`    seed ${seed}`);
    const random = seededRandom(seed);
    await KvpaxosCluster.with({ serverCount, random }, async (cluster) => {
      cluster.faults.setAllUnreliable(true);
      const clients = cluster.servers.map((server) => new RawClient(cluster.endpoint(server)));
      const attempted = new Map<string, 'answered' | 'failed'>();
      const writer = async (client: RawClient, name: string): Promise<void> => {
        const own = ownStream(random);
        for (let write = 0; write < writesPerWriter; write += 1) {
          const tag = `<${name}.${write}>`;
          const timeoutMs = own.below(3) === 0 ? impatientMs : patientMs;
          const attempt = client.append({ key: 'k', value: tag, session: undefined }, { timeoutMs });
          const outcome = await attempt.then(
            () => 'answered' as const,
            (error: unknown) => {
              expect(error).to.be.instanceOf(CallError);
              return 'failed' as const;
            },
          );
          attempted.set(tag, outcome);
        }
      };
      const writers = clients.flatMap((client, server) =>
        Array.from({ length: writersPerServer }, (_, index) => writer(client, `${server}.${index}`)),
      );
      await Promise.all(writers);
      cluster.faults.setAllUnreliable(false);
      const value = await cluster.withClerk([], (clerk) => clerk.get('k'));
      for (const client of clients) client.close();

      const outcomes = [...attempted.values()];
      expect(outcomes.filter((outcome) => outcome === 'answered').length).to.be.above(40);
      expect(outcomes.filter((outcome) => outcome === 'failed').length).to.be.above(20);
      let ranUnanswered = 0;
      for (const [tag, outcome] of attempted) {
        const times = occurrences(value, tag);
        if (outcome === 'answered') expect(times, `${tag}, which was answered`).to.equal(1);
        else expect(times, `${tag}, which was not answered`).to.be.at.most(1);
        if (outcome === 'failed') ranUnanswered += times;
      }
      expect(ranUnanswered, 'replies were lost of writes that ran').to.be.above(0);
    });
  });

  it('go on after the session that their server had opened for them ended', async () => {
    const sessionParameters = {
      sessionLimit: 2,
      repliesLimitBytes: 1_000_000,
      sessionRepliesLimitBytes: 100_000,
      sequenceWindow: 64,
    };
    await KvpaxosCluster.with(
      { serverCount, random: seededRandom(1), replicaOptions: { sessionParameters } },
      async (cluster) => {
        const client = new RawClient(cluster.endpoint(0));
        const options = { timeoutMs: patientMs };
        let expected = '';
        for (let round = 0; round < 3; round += 1) {
          await client.append({ key: 'k', value: `${round}`, session: undefined }, options);
          expected += String(round);
          for (let opened = 0; opened < sessionParameters.sessionLimit; opened += 1) {
            await client.openSession({}, options);
          }
        }
        const { value } = await client.get({ key: 'k' }, options);
        client.close();
        expect(value).to.equal(expected);
        expect(cluster.replica(0).status().nextClientId, 'one a round was opened by the server').to.equal(10);
      },
    );
  });
});
