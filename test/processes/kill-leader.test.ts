import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Clerk } from '../../src/index.js';
import { quickDeathLimit, quickDeathMs } from '../../src/cli/restart-policy.js';
import { defaultElectionTimeoutMs } from '../../src/server/timing-defaults.js';
import { nextLink } from '../support/fnv-twin.js';
import { freePorts } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { endCommands, runCommand } from './command.js';
import { devCluster, isAlive, replicasIn, type DevCluster } from './dev-cluster.js';
import { temporaryDirectory } from './temporary-directory.js';

const clerkCount = 16;
/** No call comes near it, unless the store has stopped. */
const callLimitMs = 10_000;
const pauseLimitMs = 10 * defaultElectionTimeoutMs;
/** How long clerks go on around each kill. */
const beforeMs = 500;
const servingLimitMs = 60_000;

const readKills = (text: string | undefined): number => {
  if (text === undefined || text === '') return 2;
  const kills = Number(text);
  if (!Number.isInteger(kills) || kills < 1) {
    throw new RangeError(`SYNOD_ROUNDS is "${text}": it must be a whole number from 1`);
  }
  return kills;
};

const kills = readKills(process.env['SYNOD_ROUNDS']);

/** What of `synod status --json` is looked at. */
interface Status {
  readonly id: number;
  readonly reachable: boolean;
  readonly serving?: boolean;
  readonly leader?: { readonly id: number | null; readonly ballot: string; readonly phase: string } | null;
}

async function statusOf({ addresses }: DevCluster): Promise<readonly Status[]> {
  const { how, stdout, stderr } = await runCommand(['status', '--json', '--endpoints', addresses.join(',')]);
  if (how !== 0) throw new Error(`synod status ended with ${how}: ${stderr}`);
  return (JSON.parse(stdout) as { readonly replicas: readonly Status[] }).replicas;
}

/** Waits until all serve under one leader; answers its id. */
const settledLeader = (cluster: DevCluster): Promise<number> =>
  until('all replicas serve and name one leader', servingLimitMs, async () => {
    const statuses = await statusOf(cluster);
    const named = new Set(statuses.map(({ leader }) => leader?.id));
    const [id] = named;
    const isSettled = named.size === 1 && statuses.every(({ serving }) => serving === true);
    return isSettled && typeof id === 'number' ? id : undefined;
  });

/** The process that a replica runs as now, by what `dev` has printed last. */
const pidOf = ({ dev }: DevCluster, id: number): number =>
  replicasIn(dev.stdout).findLast((replica) => replica.id === id)!.pid;

/** When calls were answered. */
class Answers {
  readonly #atMs: number[] = [];

  add(): void {
    this.#atMs.push(performance.now());
  }

  get count(): number {
    return this.#atMs.length;
  }

  /** The longest time between two answers since `sinceMs`; what has lasted until now counts as well. */
  longestPauseSince(sinceMs: number): number {
    const times = [...this.#atMs.filter((atMs) => atMs >= sinceMs), performance.now()];
    return Math.max(...times.map((atMs, index) => atMs - (times[index - 1] ?? sinceMs)));
  }
}

/** Builds a chain by PutHash on one key and appends to another, in turn, and checks every answer, until it is told to end. */
async function write(
  index: number,
  endpoints: readonly string[],
  answers: Answers,
  goesOn: () => boolean,
): Promise<void> {
  const clerk = new Clerk({ endpoints });
  const [hashed, appended] = [`hashed ${index}`, `appended ${index}`];
  const limits = { timeoutMs: callLimitMs };
  try {
    let [chain, text] = ['', ''];
    for (let call = 0; goesOn(); call += 1) {
      expect(await clerk.putHash(hashed, `value ${call}`, limits), hashed).to.equal(chain);
      chain = nextLink(chain, `value ${call}`);
      answers.add();
      await clerk.append(appended, `x ${call} y`, limits);
      text += `x ${call} y`;
      answers.add();
    }
    expect(await clerk.get(hashed, limits), hashed).to.equal(chain);
    expect(await clerk.get(appended, limits), appended).to.equal(text);
  } finally {
    await clerk.close();
  }
}

/** Kills the leader and answers the longest pause between two answered calls, once all serve again. */
async function killLeader(
  cluster: DevCluster,
  answers: Answers,
  diedAtMs: Map<number, number>,
): Promise<number> {
  const leader = await settledLeader(cluster);
  if (kills >= quickDeathLimit) {
    // Whoever dies too often too soon after its start is given up.
    await sleep(Math.max(0, (diedAtMs.get(leader) ?? -Infinity) + 2 * quickDeathMs - performance.now()));
  }
  await sleep(beforeMs);
  const pid = pidOf(cluster, leader);
  const killedAtMs = performance.now();
  process.kill(pid, 'SIGKILL');
  diedAtMs.set(leader, killedAtMs);
  await until(`replica ${leader} has ended`, servingLimitMs, () => !isAlive(pid) || undefined);
  await until(`replica ${leader} is started again`, servingLimitMs, () =>
    pidOf(cluster, leader) === pid ? undefined : true,
  );
  await settledLeader(cluster);
  return answers.longestPauseSince(killedAtMs);
}

describe('A leader killed while clerks write', () => {
  afterEach(endCommands);

  it(`lets no call fail, breaks no chain and pauses for ten election timeouts at most, ${kills} times`, async () => {
    const directory = await temporaryDirectory();
    try {
      const ports = await freePorts(3);
      const cluster = await devCluster(ports, directory.path, ['--engine', 'omnipaxos']);
      const answers = new Answers();
      let goesOn = true;
      const running = Promise.all(
        Array.from({ length: clerkCount }, (_, index) =>
          write(index, turned(cluster.addresses, index), answers, () => goesOn),
        ),
      );
      const pauses: number[] = [];
      const died = new Map<number, number>();
      const killing = (async () => {
        for (let kill = 0; kill < kills; kill += 1) pauses.push(await killLeader(cluster, answers, died));
      })();
      await Promise.race([killing, running]).finally(() => (goesOn = false));
      await running;
      const sorted = [...pauses].sort((left, right) => left - right);
      const median = sorted[Math.floor((sorted.length - 1) / 2)]!;
      console.log(
        `    ${answers.count} calls; ${pauses.length} leaders killed; longest pause after each: ` +
          `p50 ${median.toFixed(0)} ms, max ${sorted.at(-1)!.toFixed(0)} ms`,
      );
      expect(pauses.length).to.equal(kills);
      for (const pause of pauses)
        expect(pause, 'milliseconds between two answers').to.be.at.most(pauseLimitMs);
    } finally {
      await endCommands();
      await directory.remove();
    }
  }).timeout(kills * 60_000);
});

/** The endpoints in another order for each clerk. */
const turned = (endpoints: readonly string[], index: number): string[] => {
  const first = index % endpoints.length;
  return [...endpoints.slice(first), ...endpoints.slice(0, first)];
};
