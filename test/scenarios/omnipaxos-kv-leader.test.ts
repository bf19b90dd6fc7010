import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { CallError } from '../../src/rpc/call-error.js';
import { RawClient } from '../support/raw-client.js';
import { rejection } from '../support/rejection.js';
import { expectValue } from './key-value-cluster.js';
import { KvomnipaxosCluster } from './kvomnipaxos-cluster.js';
import { suite, timeoutMs } from './omnipaxos-kv-row.js';
import { heads } from './random-choices.js';
import { scenario, type Scenario } from './report.js';

/** So long that no call ends by it. */
const patient = { timeoutMs: 20_000 };
/** A call that nobody can serve is refused long before its deadline: within ten election timeouts. */
const refusalLimitMs = 1000;
const rounds = 4;
const undisturbedMs = 50;

/** Runs `body` on a cluster with raw clients, one for each server. */
const withRaw = (
  { random, observe }: Scenario,
  serverCount: number,
  body: (cluster: KvomnipaxosCluster, clients: readonly RawClient[]) => Promise<void>,
): Promise<void> =>
  KvomnipaxosCluster.with({ serverCount, random }, async (cluster) => {
    observe(cluster);
    const clients = cluster.servers.map((server) => new RawClient(cluster.endpoint(server)));
    try {
      await body(cluster, clients);
    } finally {
      for (const client of clients) client.close();
    }
  });

interface Failed {
  readonly code: string;
  readonly reason: string;
  readonly leader: string | undefined;
  readonly afterMs: number;
}

/** How a call fails, and after how long. @throws Error if it does not */
async function failed(call: Promise<unknown>): Promise<Failed> {
  const startMs = performance.now();
  const { code, reason, leader } = await rejection(call, CallError);
  return { code, reason, leader, afterMs: performance.now() - startMs };
}

const put = (client: RawClient, key: string, value: string) =>
  client.put({ key, value, session: undefined }, patient);

/** Every kind of call that a client can make. */
const everyCall = (client: RawClient, key: string): Promise<unknown>[] => [
  client.get({ key }, patient),
  put(client, key, 'x'),
  client.append({ key, value: 'x', session: undefined }, patient),
  client.putHash({ key, value: 'x', session: undefined }, patient),
  client.openSession({}, patient),
  client.closeSession({ clientId: 1 }, patient),
];

const othersThan = ({ servers }: KvomnipaxosCluster, server: number): number[] =>
  servers.filter((each) => each !== server);

interface WayToDepose {
  readonly name: string;
  /** Parts a leader of three from followers; answers who of them may lead next. */
  readonly depose: (cluster: KvomnipaxosCluster, leader: number) => readonly number[];
}

const waysToDepose: readonly WayToDepose[] = [
  {
    name: 'alone',
    depose: (cluster, leader) => {
      cluster.faults.isolate(leader);
      return othersThan(cluster, leader);
    },
  },
  {
    name: 'hears nobody',
    depose: (cluster, leader) => {
      const others = othersThan(cluster, leader);
      cluster.faults.cutOneWay(others, leader);
      return others;
    },
  },
  {
    name: 'is heard by nobody',
    depose: (cluster, leader) => {
      const others = othersThan(cluster, leader);
      cluster.faults.cutOneWay(leader, others);
      return others;
    },
  },
  {
    name: 'end of a chain',
    depose: (cluster, leader) => {
      const [middle, otherEnd] = othersThan(cluster, leader) as [number, number];
      cluster.faults.cut(leader, otherEnd);
      return [otherEnd, middle];
    },
  },
];

describe('omnipaxos', () => {
  scenario(suite, 'A server that does not lead names the one that does', timeoutMs, (run) =>
    withRaw(run, 3, async (cluster, clients) => {
      const leader = await cluster.untilLedBy();
      await cluster.withClerk([leader], (clerk) => clerk.put('k', 'before'));
      for (const server of othersThan(cluster, leader)) {
        for (const call of everyCall(clients[server]!, 'k')) {
          const { code, reason, leader: named } = await failed(call);
          expect({ code, reason, named }).to.deep.equal({
            code: 'UNAVAILABLE',
            reason: 'NOT_PROPOSED',
            named: cluster.endpoint(leader),
          });
        }
      }
      await cluster.withClerk([leader], (clerk) => expectValue(clerk, 'k', 'before'));
    }),
  );

  scenario(suite, 'A clerk goes to the leader and remembers it', timeoutMs, (run) =>
    withRaw(run, 5, async (cluster) => {
      const leader = await cluster.untilLedBy();
      const others = othersThan(cluster, leader);
      const calls = () => cluster.servers.map((server) => cluster.callsAt(server));
      const before = calls();
      const made = () => calls().map((count, server) => count - before[server]!);
      const expected = cluster.servers.map((server): number => (server === others[0] ? 1 : 0));
      await cluster.withClerk([...others, leader], async (clerk) => {
        for (let call = 1; call <= 10; call += 1) {
          await clerk.get('k');
          expected[leader] = call;
          expect(made(), `calls at each server after ${call} of the clerk`).to.deep.equal(expected);
        }
      });
    }),
  );

  scenario(suite, 'Calls that wait as leadership is lost end at once and run once', timeoutMs, (run) =>
    withRaw(run, 3, async (cluster, clients) => {
      // What followers answer does not arrive, so what the leader sends is accepted, and it never learns of it.
      cluster.faults.mode = 'black-hole';
      for (let round = 0; round < rounds; round += 1) {
        const leader = await cluster.untilInStep();
        const others = othersThan(cluster, leader);
        const client = clients[leader]!;
        const { clientId } = await client.openSession({}, patient);
        const keys = ['a', 'b'].map((key) => `${key} of ${round}`);
        const append = (through: RawClient, index: number) => {
          const session = { clientId, sequence: index + 1, acknowledgedThrough: 0 };
          return through.append({ key: keys[index]!, value: 'x', session }, patient);
        };
        await cluster.withClerk([leader, ...others], async (clerk) => {
          await clerk.put('of the clerk', '');
          cluster.faults.cutOneWay(others, leader);
          const waiting = keys.map((_, index) => failed(append(client, index)));
          const retried = clerk.append('of the clerk', 'x');
          for (const { code, reason, afterMs } of await Promise.all(waiting)) {
            expect({ code, reason }).to.deep.equal({ code: 'UNAVAILABLE', reason: 'OUTCOME_UNKNOWN' });
            expect(afterMs, 'milliseconds until a waiting call fails').to.be.below(refusalLimitMs);
          }
          await retried;
          const successor = clients[await cluster.untilLedBy(...others)]!;
          for (const [index, key] of keys.entries()) {
            await append(successor, index);
            expect((await successor.get({ key }, patient)).value, key).to.equal('x');
          }
          await expectValue(clerk, 'of the clerk', 'x');
        });
        cluster.faults.heal();
      }
    }),
  );

  scenario(suite, 'A server that hears no leader answers well before the deadline', timeoutMs, (run) =>
    withRaw(run, 5, async (cluster, clients) => {
      await cluster.withClerk([], (clerk) => clerk.put('k', 'before'));
      cluster.faults.mode = heads(run.random) ? 'black-hole' : 'fail-at-once';
      cluster.faults.isolate(cluster.servers);
      for (let round = 0; round < rounds; round += 1) {
        const outcomes = await Promise.all(
          clients.flatMap((client) => everyCall(client, 'k').map((call) => failed(call))),
        );
        for (const { code, reason, afterMs } of outcomes) {
          expect(code).to.equal('UNAVAILABLE');
          // What the leader was about to propose when it was cut off may yet be decided.
          expect(reason).to.be.oneOf(round === 0 ? ['NOT_PROPOSED', 'OUTCOME_UNKNOWN'] : ['NOT_PROPOSED']);
          expect(afterMs, 'milliseconds until a call is refused').to.be.below(refusalLimitMs);
        }
        await sleep(refusalLimitMs);
      }
    }),
  );

  for (const { name, depose } of waysToDepose) {
    scenario(suite, `A deposed leader answers nothing old, and then nothing: ${name}`, timeoutMs, (run) =>
      withRaw(run, 3, async (cluster, clients) => {
        for (let round = 0; round < rounds; round += 1) {
          const leader = await cluster.untilInStep();
          const client = clients[leader]!;
          cluster.faults.mode = heads(run.random) ? 'black-hole' : 'fail-at-once';
          await put(client, 'k', 'old');
          // Who reads all the time lets a deposed leader find out; who does not may be the first to ask it.
          const early = round % 2 === 0 ? undefined : new Reader(client);
          await sleep(undisturbedMs);
          const successors = depose(cluster, leader);
          const writtenMs = await cluster.withClerk(successors, async (clerk) => {
            await clerk.put('k', 'new', patient);
            return performance.now();
          });
          const reader = early ?? new Reader(client);
          await sleep(refusalLimitMs);
          await expectRefusals(cluster, leader, client);
          const reads = await reader.end();
          cluster.faults.heal();
          if (early !== undefined) expect(reads.length, 'reads answered').to.be.above(0);
          const stale = reads.filter(({ startMs, value }) => startMs > writtenMs && value !== 'new');
          expect(stale, 'what was read after the write').to.deep.equal([]);
          await cluster.withClerk([], (clerk) => expectValue(clerk, 'k', 'new'));
        }
      }),
    );
  }
});

/** A deposed leader refuses every call; only if it has been elected again, which a stalled machine may bring about, not. */
async function expectRefusals(
  cluster: KvomnipaxosCluster,
  deposed: number,
  client: RawClient,
): Promise<void> {
  const startMs = performance.now();
  const outcomes = await Promise.allSettled(everyCall(client, 'other'));
  expect(performance.now() - startMs, 'milliseconds until it answers').to.be.below(refusalLimitMs);
  if (cluster.leader === deposed) return;
  const codes = outcomes.map((outcome) =>
    outcome.status === 'rejected' ? (outcome.reason as CallError).code : 'answered',
  );
  expect(new Set(codes), `what it answers (${cluster.faults.mode})`).to.deep.equal(new Set(['UNAVAILABLE']));
}

interface Read {
  readonly startMs: number;
  readonly value: string;
}

/** Reads through one server without a pause, and keeps what is answered. */
class Reader {
  #goesOn = true;
  readonly #reads: Read[] = [];
  readonly #running: Promise<unknown>;

  constructor(client: RawClient) {
    this.#running = Promise.all([this.#run(client), this.#run(client)]);
  }

  async end(): Promise<readonly Read[]> {
    this.#goesOn = false;
    await this.#running;
    return this.#reads;
  }

  async #run(client: RawClient): Promise<void> {
    while (this.#goesOn) {
      const startMs = performance.now();
      const answer = await client.get({ key: 'k' }, patient).catch(() => undefined);
      if (answer !== undefined) this.#reads.push({ startMs, value: answer.value });
      else await sleep(1);
    }
  }
}
