import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { ClerkError, type Clerk } from '../../src/index.js';
import type { Random } from '../../src/runtime/random.js';
import { RawClient, callOptions } from '../support/raw-client.js';
import { until } from '../support/until.js';
import { KvomnipaxosCluster } from './kvomnipaxos-cluster.js';
import { row, suite, timeoutMs, workload, type Row } from './omnipaxos-kv-row.js';
import { Power } from './power.js';
import { ownStream, shuffled } from './random-choices.js';
import { repetitions, scenario } from './report.js';

const restarted = [0, 1];
const steps = 15;
const serverCount = 5;
const falls = repetitions(4);
/** Of either kind. */
const clientCount = 4;
/** How many more calls are answered before all servers go down again. */
const callsBetween = 60;
/** And while the leader of before is still down. */
const callsWithoutOne = 30;
const progressLimitMs = 20_000;
/** The longest that an impatient client waits for a call. */
const impatienceMs = 40;

/** What one server answers, once the links let nobody else lead. */
async function valuesAt(cluster: KvomnipaxosCluster, server: number, keys: readonly string[]) {
  cluster.faults.isolate(cluster.servers);
  cluster.faults.link(server, cluster.servers);
  await cluster.untilLedBy(server);
  const client = new RawClient(cluster.endpoint(server));
  try {
    return await Promise.all(keys.map(async (key) => (await client.get({ key }, callOptions)).value));
  } finally {
    client.close();
    cluster.faults.heal();
  }
}

/** Two servers of five go down and come back from their disks; in the end each of them is read through alone. */
async function persist(run: Row): Promise<void> {
  const { cluster, clientCount } = run;
  await workload(run, steps);
  await cluster.stopServers(restarted);
  await sleep(1000);
  await cluster.startServers(restarted);
  await sleep(1000);
  await workload(run, steps);
  const keys = Array.from({ length: clientCount }, (_, client) => String(client));
  const values = await valuesAt(cluster, 2, keys);
  for (const server of restarted) {
    expect(await valuesAt(cluster, server, keys), `through server ${server}`).to.deep.equal(values);
  }
}

/** What became of an Append, as its caller was told. */
type Outcome = 'answered' | 'unknown' | 'not-executed';

/** Appends to a key of its own, one call after another, and knows what became of each. */
class Appender {
  readonly outcomes: Outcome[] = [];

  constructor(
    readonly key: string,
    private readonly clerk: Clerk,
    /** How long it waits for a call; undefined: as long as it takes. */
    private readonly limitMs: (() => number) | undefined,
  ) {}

  async run(goesOn: () => boolean): Promise<void> {
    while (goesOn()) this.outcomes.push(await this.#append(`x ${this.outcomes.length} y`));
  }

  async #append(value: string): Promise<Outcome> {
    try {
      await this.clerk.append(this.key, value, this.limitMs && { timeoutMs: this.limitMs() });
      return 'answered';
    } catch (error) {
      if (!(error instanceof ClerkError) || error.kind !== 'timed-out') throw error;
      return error.outcome;
    }
  }

  /** All that was answered is there, once and in order; of the rest only what may have been executed. */
  check(value: string): void {
    const held = [...value.matchAll(/x (\d+) y/g)].map(([, count]) => Number(count));
    expect(held.map((count) => `x ${count} y`).join(''), `${this.key} holds markers only`).to.equal(value);
    expect(held, `${this.key}, once and in order`).to.deep.equal([...new Set(held)].sort((a, b) => a - b));
    const isHeld = new Set(held);
    for (const [count, outcome] of this.outcomes.entries()) {
      if (outcome === 'unknown') continue;
      expect(isHeld.has(count), `${this.key}: append ${count}, ${outcome}, is there`).to.equal(
        outcome === 'answered',
      );
    }
  }
}

/** All who append at once: half of them wait as long as it takes, half give calls up. */
class Appenders {
  readonly #appenders: readonly Appender[];
  readonly #running: Promise<unknown>;
  #failure: { readonly error: unknown } | undefined;
  #goesOn = true;

  constructor(cluster: KvomnipaxosCluster, random: Random) {
    this.#appenders = Array.from({ length: 2 * clientCount }, (_, client) => {
      const own = ownStream(random);
      const clerk = cluster.clerk(...shuffled(cluster.servers, own));
      const limitMs = client % 2 === 0 ? undefined : () => 1 + own.below(impatienceMs);
      return new Appender(`key ${client}`, clerk, limitMs);
    });
    this.#running = Promise.all(this.#appenders.map((appender) => appender.run(() => this.#goesOn)));
    this.#running.catch((error: unknown) => (this.#failure = { error }));
  }

  get counts(): Readonly<Record<Outcome, number>> {
    const outcomes = this.#appenders.flatMap((appender) => appender.outcomes);
    const count = (outcome: Outcome) => outcomes.filter((each) => each === outcome).length;
    return {
      answered: count('answered'),
      unknown: count('unknown'),
      'not-executed': count('not-executed'),
    };
  }

  /** Waits until so many more calls are answered. */
  async progress(calls: number): Promise<void> {
    const enough = this.counts.answered + calls;
    await until(`${calls} more calls are answered`, progressLimitMs, () => {
      if (this.#failure !== undefined) throw this.#failure.error;
      return this.counts.answered >= enough || undefined;
    });
  }

  async end(): Promise<void> {
    this.#goesOn = false;
    await this.#running;
  }

  async check(clerk: Clerk): Promise<void> {
    for (const appender of this.#appenders) appender.check(await clerk.get(appender.key));
  }
}

/** All servers have applied the same slots, and have come to the same state. */
async function expectSameState(cluster: KvomnipaxosCluster): Promise<void> {
  const statuses = () => cluster.servers.map((server) => cluster.replica(server).status());
  await until('all servers have applied the same slots', progressLimitMs, () =>
    new Set(statuses().map(({ log }) => log.applied)).size === 1 ? true : undefined,
  );
  expect(new Set(statuses().map(({ digest }) => digest)).size, 'states').to.equal(1);
}

describe('omnipaxos', () => {
  row('Basic Persist One Client', { clientCount: 1, disk: true }, persist);

  row('Basic Persist Many Client', { clientCount: 3, disk: true }, persist);

  scenario(suite, 'All servers down with operations in flight', timeoutMs, ({ random, observe }) => {
    const power = new Power(ownStream(random));
    const { wrapDisk } = power;
    return KvomnipaxosCluster.with(
      { serverCount, random, disk: true, replicaOptions: { wrapDisk } },
      async (cluster) => {
        observe(cluster);
        const appenders = new Appenders(cluster, random);
        for (let fall = 0; fall < falls; fall += 1) {
          await appenders.progress(callsBetween);
          await sleep(random.below(30));
          const leader = cluster.leader ?? 0;
          power.cut();
          await cluster.stopServers(cluster.servers);
          // What was answered on the word of the leader alone is lost if the others can go on without it.
          await cluster.startServers(shuffled(cluster.servers, random).filter((server) => server !== leader));
          await cluster.untilServing();
          await appenders.progress(callsWithoutOne);
          await cluster.startServers([leader]);
          await cluster.untilServing();
        }
        await appenders.end();
        console.log(`    answers: ${JSON.stringify(appenders.counts)}`);
        expect(appenders.counts.unknown, 'operations in flight').to.be.above(0);
        await cluster.withFreshClerk(random, (clerk) => appenders.check(clerk));
        await expectSameState(cluster);
      },
    );
  });
});
