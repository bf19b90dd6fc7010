import { expect } from 'chai';
import { checkLinearizable } from '../../src/check/linearizable.js';
import { LiveRun, type LiveRunOptions } from '../../src/check/live-run.js';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import type { CallLimits } from '../../src/clerk/attempts.js';
import type { WriteOperation } from '../../src/kv/operation.js';
import { Store } from '../../src/kv/store.js';
import { seededRandom } from '../../src/runtime/random.js';
import { randomFor, seed } from '../scenarios/report.js';
import { FakeClock } from '../support/fake-clock.js';

const gaveUp = (outcome: 'unknown' | 'not-executed', kind: 'timed-out' | 'aborted' = 'timed-out') =>
  new ClerkError({ kind, message: 'given up', outcome, failures: [] });

/** A clerk of a store in this process, whose calls take some time of the clock. */
class StoreClerk {
  underWay = 0;
  mostUnderWay = 0;
  readonly keysRead: string[] = [];
  /** How a call ends in place of an answer. */
  fail: (kind: 'get' | WriteOperation['kind']) => ClerkError | undefined = () => undefined;

  constructor(
    private readonly store: Store,
    private readonly clock: FakeClock,
    private readonly latencyMs: number,
  ) {}

  find(key: string, limits: CallLimits): Promise<string | undefined> {
    this.keysRead.push(key);
    return this.#call('get', limits, () => {
      const result = this.store.get({ kind: 'get', key });
      return result.kind === 'get' && result.found ? result.value : undefined;
    });
  }

  async put(key: string, value: string, limits: CallLimits): Promise<void> {
    await this.#write({ kind: 'put', key, value }, limits);
  }

  async append(key: string, value: string, limits: CallLimits): Promise<void> {
    await this.#write({ kind: 'append', key, value }, limits);
  }

  putHash(key: string, value: string, limits: CallLimits): Promise<string> {
    return this.#write({ kind: 'put-hash', key, value }, limits);
  }

  #write(operation: WriteOperation, limits: CallLimits): Promise<string> {
    return this.#call(operation.kind, limits, () => {
      const result = this.store.write(operation);
      return result.kind === 'put-hash' ? result.previousValue : '';
    });
  }

  async #call<Value>(
    kind: 'get' | WriteOperation['kind'],
    { signal }: CallLimits,
    run: () => Value,
  ): Promise<Value> {
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    await this.clock.sleep(this.latencyMs / 2, signal);
    const failure = signal?.aborted ? gaveUp('unknown', 'aborted') : this.fail(kind);
    const value = failure === undefined ? run() : undefined;
    await this.clock.sleep(this.latencyMs / 2, signal);
    this.underWay -= 1;
    if (failure !== undefined) throw failure;
    return value as Value;
  }
}

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

interface World {
  readonly run: LiveRun;
  readonly clock: FakeClock;
  readonly clerks: readonly StoreClerk[];
  readonly interruption: AbortController;
}

function world(name: string, options: Partial<LiveRunOptions> = {}, latencyMs = 10): World {
  const [clock, store, interruption] = [new FakeClock(), new Store(), new AbortController()];
  const clerks = Array.from({ length: 8 }, () => new StoreClerk(store, clock, latencyMs));
  const seeds = randomFor(`live run ${name}`);
  const run = new LiveRun({
    clerks,
    ratePerSecond: 200,
    timeoutMs: 1000,
    keyPrefix: 'live/',
    keyCount: 16,
    newRandom: () => seededRandom(seeds.below(2 ** 32) | 0),
    clock,
    logger: silent,
    interrupted: interruption.signal,
    ...options,
  });
  return { run, clock, clerks, interruption };
}

async function finished(clock: FakeClock, running: Promise<void>, limitMs = 60_000): Promise<void> {
  let ended = false;
  const ending = running.finally(() => (ended = true));
  await clock.runUntil(() => ended, limitMs);
  await ending;
}

describe(`clerks that call a running store (seed ${seed})`, () => {
  it('keep to the rate, meet, and leave a history that is linearizable', async () => {
    const { run, clock } = world('rate');
    await finished(clock, run.work(10_000));
    const { history, tally } = run;
    expect(tally.answered).to.be.within(1900, 2020);
    expect(history).to.have.length(tally.answered);
    expect(clock.now()).to.be.within(9900, 10_020);
    expect(tally.longestPauseMs).to.be.below(100);
    expect(checkLinearizable(history).kind).to.equal('linearizable');
    const meeting = history.filter(({ calledAt }, index) => calledAt === history[index - 1]?.calledAt);
    expect(meeting.length).to.be.above(1000);
  });

  it('have one call under way each, and every fourth one up to eight', async () => {
    const { run, clock, clerks } = world('depth', { ratePerSecond: 10_000 });
    await finished(clock, run.work(1000));
    expect(clerks.map(({ mostUnderWay }) => mostUnderWay)).to.deep.equal([1, 1, 1, 8, 1, 1, 1, 8]);
  });

  it('do not make up for a time in which nobody answered', async () => {
    const { run, clock, clerks } = world('stall', {}, 1);
    const stalled = () => clock.now() > 2000 && clock.now() < 8000;
    for (const clerk of clerks) {
      const find = clerk.find.bind(clerk);
      clerk.find = async (...call) => {
        if (stalled()) await clock.sleep(8000 - clock.now());
        return find(...call);
      };
    }
    await finished(clock, run.work(10_000));
    const late = run.history.filter(({ calledAt }) => calledAt >= 8000);
    expect(late.length).to.be.below(500);
    expect(run.tally.longestPauseMs).to.be.above(5000);
  });

  it('read the key of a call of unknown outcome until they are answered, and count how calls ended', async () => {
    const { run, clock, clerks } = world('unknown');
    for (const clerk of clerks) {
      clerk.fail = (kind) =>
        clock.now() > 1000 && clock.now() < 3000
          ? gaveUp('unknown')
          : kind === 'put' && clock.now() < 500
            ? gaveUp('not-executed')
            : undefined;
    }
    await finished(clock, run.work(5000));
    const { history, tally } = run;
    const unknown = history.filter(({ end }) => end.kind === 'unknown');
    const lanes = 6 + 2 * 8;
    expect(unknown.length).to.equal(tally.unknown);
    expect(unknown.length).to.be.above(100);
    expect(unknown.filter(({ operation }) => operation.kind !== 'get').length).to.be.within(1, lanes);
    expect(tally.notExecuted).to.be.above(5);
    expect(tally.lastFailure).to.equal('get: given up');
    expect(history.length).to.equal(tally.answered + tally.unknown);
    const writesLater = history.filter(
      ({ operation, calledAt }) => operation.kind !== 'get' && calledAt > 3200,
    );
    expect(writesLater.length).to.be.above(50);
  });

  it('stop at once when interrupted, with what was under way of unknown outcome', async () => {
    const { run, clock, interruption } = world('interrupted', {}, 900);
    clock.timer(2000, () => interruption.abort());
    await finished(clock, run.work(10_000));
    expect(clock.now()).to.equal(2000);
    expect(run.tally.unknown).to.be.above(0);
    expect(run.tally.durationMs).to.equal(2000);
  });

  it('call nobody when they are interrupted before they begin', async () => {
    const { run, clock, interruption } = world('never');
    interruption.abort();
    await finished(clock, run.work(10_000));
    expect(run.history).to.deep.equal([]);
  });

  it('read every key once at the end, within the time of one call', async () => {
    const { run, clock, clerks } = world('end');
    await finished(clock, run.readAll());
    const keys = clerks.flatMap(({ keysRead }) => keysRead);
    expect(keys).to.have.length(16);
    expect(new Set(keys).size).to.equal(16);
    const slow = world('slow end', { timeoutMs: 1000 }, 800);
    await finished(slow.clock, slow.run.readAll());
    expect(slow.run.history).to.have.length(16);
    const slower = world('slower end', { timeoutMs: 1000 }, 1200);
    await finished(slower.clock, slower.run.readAll());
    expect(slower.run.history).to.have.length(8);
  });
});
