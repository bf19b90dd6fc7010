import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { putHashLink } from './chain-form.js';
import { expectValue } from './key-value-cluster.js';
import { deadTimeMs, PrimaryBackupCluster } from './primary-backup-cluster.js';
import { ownStream, randomNumeral } from './random-choices.js';
import { scenario } from './report.js';
import { waitUntil } from './wait-until.js';

const suite = 'primary-backup';
const timeoutMs = 90_000;
const joinLimitMs = 2 * deadTimeMs;
const keyCount = 6000;
const valueLength = 100;
/** Calls under way at once; below the window of a session. */
const atOnce = 500;
const writerCount = 3;
/** How many more writes each writer makes before something else happens. */
const writesBetween = 20;
const transferLimitMs = 20_000;

const keyOf = (index: number): string => `key ${index}`;
const valueOf = (index: number): string => String(index).padEnd(valueLength, '.');

/** Does something with every key, some at once. */
async function eachKey(act: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < keyCount) {
      next += 1;
      await act(next - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

/** Writes a chain to a key of its own until it is stopped. */
class ChainWriter {
  links = 0;
  #isStopped = false;
  readonly #done: Promise<string>;

  constructor(
    private readonly clerk: Clerk,
    readonly key: string,
    random: Random,
  ) {
    this.#done = this.#write(random);
    // Whoever stops it is told.
    this.#done.catch(() => undefined);
  }

  /** Answers what the key must hold. */
  stop(): Promise<string> {
    this.#isStopped = true;
    return this.#done;
  }

  async #write(random: Random): Promise<string> {
    let held = '';
    while (!this.#isStopped) {
      held = await putHashLink.write(this.clerk, this.key, held, randomNumeral(random));
      this.links += 1;
    }
    return held;
  }
}

describe('primary-backup', () => {
  scenario(suite, 'State transfer of many keys', timeoutMs, ({ random, observe }) =>
    PrimaryBackupCluster.with({ serverCount: 2, random }, async (cluster) => {
      observe(cluster);
      await cluster.startServer(0);
      await cluster.untilView(0, undefined, joinLimitMs);
      const clerk = cluster.clerk();
      await eachKey((index) => clerk.put(keyOf(index), valueOf(index)));
      const writers = Array.from(
        { length: writerCount },
        (_, number) => new ChainWriter(cluster.clerk(), `chain ${number}`, ownStream(random)),
      );
      const untilMoreWrites = async (when: string) => {
        const goals = writers.map(({ links }) => links + writesBetween);
        await waitUntil(`writes ${when}`, transferLimitMs, () =>
          writers.every(({ links }, number) => links >= goals[number]!),
        );
      };
      await untilMoreWrites('before the transfer');

      await cluster.startServer(1);
      await cluster.untilView(0, 1, joinLimitMs);
      await cluster.untilHeard(0, joinLimitMs);
      // From now on it answers none of these before its backup has the state and them.
      await untilMoreWrites('during the transfer and after');
      expect(cluster.server(1).status().keyCount).to.equal(keyCount + writerCount);
      cluster.kill(0);
      await untilMoreWrites('after the failure');
      await cluster.untilView(1, undefined, joinLimitMs);

      for (const writer of writers) await expectValue(clerk, writer.key, await writer.stop());
      await eachKey(async (index) => {
        const value = await clerk.get(keyOf(index));
        if (value !== valueOf(index)) expect(value, keyOf(index)).to.equal(valueOf(index));
      });
      await cluster.expectAgreement();
    }),
  );
});
