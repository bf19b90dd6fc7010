import { expect } from 'chai';
import type { Random } from '../../src/runtime/random.js';
import { KvomnipaxosCluster } from './kvomnipaxos-cluster.js';
import { heads, ownStream } from './random-choices.js';
import { scenario } from './report.js';

/** What seed 001 prints behind a title. */
interface SeedLine {
  readonly seconds: number;
  readonly peers: number;
  readonly rpcs: number;
  readonly operations: number;
}

const line = (seconds: number, peers: number, rpcs: number, operations: number): SeedLine => ({
  seconds,
  peers,
  rpcs,
  operations,
});

/** The titles of seed 001, and what it prints there. */
const seedLines = {
  'Basic Test One Client': line(1.8, 3, 2826, 306),
  'Basic Test Many Client': line(13.4, 3, 8767, 918),
  'Unreliable Test Network': line(1.8, 3, 215, 15),
  'Basic Fig 5A One Client': line(35.3, 5, 27362, 918),
  'Basic Fig 5A Many Client': line(6.7, 5, 6330, 216),
  'Basic Fig 5B One Client': line(20.2, 5, 16820, 678),
  'Basic Fig 5B Many Client': line(6.8, 5, 5386, 216),
  'Basic Fig 5C One Client': line(11.9, 3, 6570, 678),
  'Basic Fig 5C Many Client': line(5.0, 3, 2164, 216),
  'Basic Persist One Client': line(3.8, 5, 5450, 192),
  'Basic Persist Many Client': line(15.5, 5, 16924, 576),
} as const;

export type RowTitle = keyof typeof seedLines;

export const suite = 'omnipaxos';
/** The limit of the labs for each of these tests. */
export const timeoutMs = 120_000;
const iterations = 3;

/** The run of one row. */
export interface Row {
  readonly cluster: KvomnipaxosCluster;
  readonly clientCount: number;
  readonly random: Random;
}

export interface RowOptions {
  readonly clientCount: number;
  /** Default false. */
  readonly disk?: boolean;
  /** How many clusters run it one after the other, where luck decides what one of them needs. Default 1. */
  readonly samples?: number;
}

/**
 * Declares one row of the key/value suite of seed 001. It makes as many operations as the seed does, prints the seed's
 * line above its own, and needs fewer RPCs for an operation, in the mean of its samples.
 */
export function row(title: RowTitle, options: RowOptions, body: (row: Row) => Promise<void>): void {
  const seed = seedLines[title];
  const { clientCount, samples = 1, ...clusterOptions } = options;
  scenario(suite, title, timeoutMs, async ({ random, observe }) => {
    let rpcs = 0;
    for (let sample = 0; sample < samples; sample += 1) {
      await KvomnipaxosCluster.with(
        { serverCount: seed.peers, random, ...clusterOptions },
        async (cluster) => {
          // The line that is printed is that of one.
          if (sample === 0) observe(cluster);
          const before = cluster.rpcCount;
          await body({ cluster, clientCount, random });
          expect(cluster.operationCount, 'operations').to.equal(seed.operations);
          rpcs += cluster.rpcCount - before;
        },
      );
    }
    const perOperation = rpcs / (samples * seed.operations);
    const seedPerOperation = seed.rpcs / seed.operations;
    console.log(
      `  seed 001 had    ${column(seed.seconds.toFixed(1), 4)} ${column(seed.peers, 2)} ${column(seed.rpcs, 5)} ` +
        `${column(seed.operations, 4)}: ${seedPerOperation.toFixed(1)} RPCs an operation, ` +
        `here ${perOperation.toFixed(1)}${samples === 1 ? '' : ` in the mean of ${samples}`}`,
    );
    expect(perOperation, 'RPCs an operation').to.be.below(seedPerOperation);
  });
}

const column = (value: number | string, width: number): string => String(value).padStart(width);

const marker = (client: number, count: number): string => `x ${client} ${count} y`;

/**
 * The workload of the suite: clients with fresh clerks write and read keys of their own, each step compared; then one
 * clerk reads every key. Of each client that is one Put, `steps` times an Append or a Get, each followed by a Get, and
 * one Get at the end; three times over.
 */
export async function workload({ cluster, clientCount, random }: Row, steps: number): Promise<void> {
  const clients = Array.from({ length: clientCount }, (_, client) => client);
  await cluster.withFreshClerk(random, async (shared) => {
    for (let iteration = 0; iteration < iterations; iteration += 1) {
      const counts = await Promise.all(
        clients.map((client) => oneClient(cluster, client, steps, ownStream(random))),
      );
      for (const [client, count] of counts.entries()) {
        const markers = Array.from({ length: count }, (_, index) => marker(client, index));
        expect(await shared.get(String(client)), `key ${client}, all once and in order`).to.equal(
          markers.join(''),
        );
      }
    }
  });
}

/** Answers how many markers it has appended. */
function oneClient(
  cluster: KvomnipaxosCluster,
  client: number,
  steps: number,
  random: Random,
): Promise<number> {
  const key = String(client);
  return cluster.withFreshClerk(random, async (clerk) => {
    let count = 0;
    let held = '';
    const check = async () => expect(await clerk.get(key), `key ${key}`).to.equal(held);
    await clerk.put(key, held);
    for (let step = 0; step < steps; step += 1) {
      if (heads(random)) {
        await clerk.append(key, marker(client, count));
        held += marker(client, count);
        count += 1;
      } else {
        await check();
      }
      await check();
    }
    return count;
  });
}
