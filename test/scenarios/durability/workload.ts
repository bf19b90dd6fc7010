import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Clerk, type CallLimits } from '../../../src/index.js';
import type { Random } from '../../../src/runtime/random.js';
import { nextLink } from '../../support/fnv-twin.js';
import { ownStream, shuffled } from '../random-choices.js';
import type { ProcessCluster } from './process-cluster.js';
import { engineOptions } from '../variant.js';

const clerkCount = 16;
const sharedKeyCount = 4;
/** No call fails for as long as a majority comes back within this time. */
const callLimitMs = 60_000;
/** Calls of one clerk, before another takes its place that prefers another replica. */
const callsOfOneClerk = { least: 20, most: 60 };

const marker = (writer: number, count: number): string => `x ${writer} ${count} y`;

/** One of those who write: half of them append, half build a chain by PutHash. Each knows what its keys must hold. */
class Writer {
  readonly ownKey: string;
  /** What the writer's own key holds, by every call that was answered. */
  held = '';
  /** The counts that were appended to each shared key, in order. */
  readonly shared = new Map<string, number[]>();
  #count = 0;

  constructor(
    readonly number: number,
    private readonly cluster: ProcessCluster,
    private readonly random: Random,
    private readonly callLimits: CallLimits,
  ) {
    this.ownKey = `own-${number}`;
  }

  async run(goesOn: () => boolean): Promise<void> {
    while (goesOn()) {
      const endpoints = shuffled(this.cluster.ids, this.random).map((id) => this.cluster.address(id));
      const clerk = new Clerk({ endpoints });
      const { least, most } = callsOfOneClerk;
      try {
        for (let left = least + this.random.below(most - least); left > 0 && goesOn(); left -= 1) {
          await this.#call(clerk);
          this.cluster.operationCount += 1;
        }
      } finally {
        await clerk.close();
      }
    }
  }

  async #call(clerk: Clerk): Promise<void> {
    const choice = this.random.below(8);
    if (choice === 0) {
      expect(await clerk.get(this.ownKey, this.callLimits), this.ownKey).to.equal(this.held);
    } else if (this.number % 2 === 0) {
      const value = marker(this.number, this.#count);
      const previous = await clerk.putHash(this.ownKey, value, this.callLimits);
      expect(previous, `previous value of ${this.ownKey}`).to.equal(this.held);
      this.held = nextLink(previous, value);
      this.#count += 1;
    } else if (choice < 4) {
      const key = `shared-${this.random.below(sharedKeyCount)}`;
      await clerk.append(key, marker(this.number, this.#count), this.callLimits);
      this.shared.set(key, [...(this.shared.get(key) ?? []), this.#count]);
      this.#count += 1;
    } else {
      const value = marker(this.number, this.#count);
      await clerk.append(this.ownKey, value, this.callLimits);
      this.held += value;
      this.#count += 1;
    }
  }
}

/** 16 clerks that write, and read what they wrote, while replicas come and go. No call of theirs may fail. */
export class Workload {
  readonly #writers: readonly Writer[];
  readonly #ending = new AbortController();
  readonly #callLimits: CallLimits = { timeoutMs: callLimitMs, signal: this.#ending.signal };
  #running: Promise<unknown> = Promise.resolve();
  #goesOn = false;
  #failure: { readonly error: unknown } | undefined;

  private constructor(
    private readonly cluster: ProcessCluster,
    random: Random,
  ) {
    setMaxListeners(0, this.#ending.signal);
    this.#writers = Array.from(
      { length: clerkCount },
      (_, number) => new Writer(number, cluster, ownStream(random), this.#callLimits),
    );
  }

  /** Lets clerks write while `body` runs, then reads everything through every replica. */
  static async during(
    cluster: ProcessCluster,
    random: Random,
    body: (workload: Workload) => Promise<void>,
  ): Promise<void> {
    const workload = new Workload(cluster, random);
    try {
      workload.#start();
      await body(workload);
      await workload.verify();
    } finally {
      workload.#goesOn = false;
      workload.#ending.abort();
      await workload.#running;
    }
  }

  #start(): void {
    this.#goesOn = true;
    this.#running = Promise.all(
      this.#writers.map((writer) =>
        writer
          .run(() => this.#goesOn)
          .catch((error: unknown) => {
            this.#goesOn = false;
            this.#failure ??= { error };
          }),
      ),
    );
  }

  /** @throws what a call has failed with */
  expectWell(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.cluster.expectAlive();
  }

  /** Waits until so many more calls are answered. */
  async progress(calls: number, limitMs = 30_000): Promise<void> {
    const enough = this.cluster.operationCount + calls;
    const endMs = performance.now() + limitMs;
    while (this.cluster.operationCount < enough) {
      this.expectWell();
      if (performance.now() > endMs) {
        const troubles = await this.cluster.troubles();
        throw new Error(`not ${calls} more calls are answered within ${limitMs} ms (${troubles})`);
      }
      await sleep(5);
    }
  }

  /** Lets go on for a while. */
  async goOn(ms: number): Promise<void> {
    await sleep(ms);
    this.expectWell();
  }

  /**
   * Lets no call begin while it reads all keys through every replica: everything answered is there once and in order, and
   * nothing else; and all replicas have one state.
   */
  async verify(): Promise<void> {
    this.#goesOn = false;
    await this.#running;
    this.expectWell();
    for (const endpoints of this.#endpointsToReadThrough()) {
      const clerk = new Clerk({ endpoints });
      try {
        await this.#verifyThrough(clerk, `through ${endpoints.join(', ')}`);
      } finally {
        await clerk.close();
      }
    }
    await this.cluster.sameState();
    this.#start();
  }

  /** Each replica by itself; where only a leader answers, whoever that is: the others' state is compared with its own. */
  #endpointsToReadThrough(): string[][] {
    const addresses = this.cluster.ids.map((id) => this.cluster.address(id));
    return engineOptions.engine === 'omnipaxos' ? [addresses] : addresses.map((address) => [address]);
  }

  async #verifyThrough(clerk: Clerk, where: string): Promise<void> {
    for (const { ownKey, held } of this.#writers) {
      expect(await clerk.get(ownKey, this.#callLimits), `${ownKey} ${where}`).to.equal(held);
    }
    for (let shared = 0; shared < sharedKeyCount; shared += 1) {
      const key = `shared-${shared}`;
      const value = await clerk.get(key, this.#callLimits);
      const seen = new Map<number, number[]>();
      const rest = value.replace(/x (\d+) (\d+) y/g, (_, writer: string, count: string) => {
        seen.set(Number(writer), [...(seen.get(Number(writer)) ?? []), Number(count)]);
        return '';
      });
      expect(rest, `what is left of ${key} without markers ${where}`).to.equal('');
      for (const { number, shared: appended } of this.#writers) {
        expect(seen.get(number) ?? [], `${key}: appended by clerk ${number}, ${where}`).to.deep.equal(
          appended.get(key) ?? [],
        );
      }
    }
  }
}
