import { checkLinearizable } from '../check/linearizable.js';
import type { History } from '../check/history.js';
import type { SimulatedCluster } from './cluster.js';
import { Clients } from './clients.js';
import { PrimaryBackupCluster } from './primary-backup-cluster.js';
import type { Machine } from './machine.js';
import { Nemesis } from './nemesis.js';
import { drawPlan, type Plan, type SimulationOptions } from './plan.js';
import { VotingCluster } from './voting-cluster.js';
import { World, type Violation } from './world.js';

export interface RunOptions extends SimulationOptions {
  /** Ends the world after so many events, and judges what was seen until then; default: when all is done. */
  readonly steps?: number | undefined;
  /** Told of each line of the trace. */
  readonly line?: ((line: string) => void) | undefined;
}

/** What came of one seed. */
export interface Outcome {
  readonly plan: Plan;
  readonly verdict: Verdict;
  /** Equal for equal options, or something in Synod is not deterministic. */
  readonly traceHash: string;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly tally: Readonly<Record<string, number>>;
  readonly history: History;
}

export type Verdict =
  | { readonly kind: 'passed' }
  /** Outside the envelope of its engine the store may stand still, as long as it says so. */
  | { readonly kind: 'dead-end'; readonly message: string }
  | ({ readonly kind: 'failed' } & Violation);

/** How long servers may take to come up, before any fault. */
const bootLimitMs = 30_000;
/** How long all calls and all replicas may take to come to an end once faults have stopped. */
const livenessLimitMs = 60_000;
/** How long a dead end must be shown without a break after the last fault, before it is believed. */
const deadEndMs = 10_000;
/** How long a call gets that is made in a dead end. */
const callInDeadEndMs = 3000;
/** How often machines are looked at. */
const lookIntervalMs = 50;
const keyOfUser = 'user';
/** More events than any world has that comes to an end. */
const stepLimit = 3_000_000;
/** The checker's bound: far above what the histories of a world take. */
const checkLimits = { stepLimit: 50_000_000 };

/** Simulates one seed from its beginning to its verdict. */
export async function simulate(options: RunOptions): Promise<Outcome> {
  // A turn ends when no promise has anything left to do, which holds only for what runs as part of a promise itself.
  await Promise.resolve();
  const plan = drawPlan(options);
  const world = new World({ ...plan, line: options.line });
  const run = new Run(world, plan, options.steps ?? stepLimit);
  await run.live();
  return run.outcome(options.steps !== undefined);
}

/** A phase came to its limit in time. */
class OutOfTime extends Error {}
/** Users have been shown for long enough that nothing goes on. */
class StandsStill extends Error {}
/** The run was to end here. */
class StepsDone extends Error {}

class Run {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #steps: number;
  readonly #cluster: SimulatedCluster;
  readonly #clients: Clients;
  readonly #nemesis: Nemesis;
  /** No fault follows any more. */
  #isHealed = false;
  /** What is shown to keep everything from going on, and since when without a break. */
  #shown: { readonly message: string; readonly sinceMs: number } | undefined;
  /** The dead end in which this world has ended. */
  #deadEnd: string | undefined;

  constructor(world: World, plan: Plan, steps: number) {
    this.#world = world;
    this.#plan = plan;
    this.#steps = steps;
    this.#cluster = newCluster(world, plan);
    this.#clients = new Clients(world, this.#cluster, plan);
    this.#nemesis = new Nemesis({
      world,
      manner: plan.manner,
      cluster: this.#cluster,
      clientHosts: this.#clients.hosts,
      crowd: (count) => this.#clients.crowd(count),
    });
  }

  /** Ends early with the first violation. */
  async live(): Promise<void> {
    try {
      await this.#boot();
      await this.#safetyPhase();
      await this.#livenessPhase().catch((error: unknown) => this.#standStill(error));
    } catch (error) {
      if (error instanceof StepsDone) return;
      if (!(error instanceof OutOfTime)) throw error;
      this.#world.violated('what is healed goes on', error.message);
    }
  }

  outcome(isCutShort: boolean): Outcome {
    const { time, trace, tally } = this.#world;
    this.#clients.tallyAtEnd();
    this.#cluster.tallyAtEnd();
    const { delivered, lost, duplicated } = this.#world.network.counts;
    tally.add('messages delivered', delivered);
    tally.add('messages lost', lost);
    tally.add('messages duplicated', duplicated);
    const { history } = this.#clients;
    return {
      plan: this.#plan,
      verdict: this.#verdict(history, isCutShort),
      traceHash: trace.digest(),
      steps: time.steps,
      simulatedMs: time.nowMs,
      tally: tally.toObject(),
      history,
    };
  }

  #verdict(history: History, isCutShort: boolean): Verdict {
    const { violation } = this.#world;
    if (violation !== undefined) return { kind: 'failed', ...violation };
    const atMs = this.#world.time.nowMs;
    const checked = checkLinearizable(history, checkLimits, this.#cluster.ranAt);
    if (checked.kind === 'violated') {
      return { kind: 'failed', check: 'linearizability', message: 'the history is not linearizable', atMs };
    }
    if (checked.kind === 'unknown') {
      const message = `an order of the calls was neither found nor excluded in ${checked.steps} steps`;
      return { kind: 'failed', check: 'a history can be judged', message, atMs };
    }
    if (!isCutShort && history.length === 0) {
      return { kind: 'failed', check: 'a run has operations', message: 'no call was made', atMs };
    }
    return this.#deadEnd === undefined ? { kind: 'passed' } : { kind: 'dead-end', message: this.#deadEnd };
  }

  async #boot(): Promise<void> {
    for (const machine of this.#cluster.machines) this.#cluster.boot(machine);
    await this.#until(() => (this.#cluster.isUp ? undefined : 'not all servers serve'), bootLimitMs);
  }

  /** Anything goes wrong, and no answer may be. */
  async #safetyPhase(): Promise<void> {
    const { time } = this.#world;
    const { faults, happening, safetyMs } = this.#plan;
    const beginMs = time.nowMs;
    for (const number of happening) {
      const fault = faults[number];
      if (fault !== undefined) time.schedule(beginMs + fault.atMs, () => this.#nemesis.begin(fault));
    }
    this.#supervise();
    this.#clients.start();
    const endMs = beginMs + safetyMs;
    time.schedule(endMs, () => undefined);
    await this.#until(() => (time.nowMs < endMs ? 'the time is not over' : undefined), safetyMs + 1);
  }

  /** Faults have stopped: every call must end, and all that live must come to one state. */
  async #livenessPhase(): Promise<void> {
    const living = this.#nemesis.end();
    this.#isHealed = true;
    this.#clients.hurry();
    await this.#until(
      () => (this.#clients.areDone ? undefined : `${this.#clients.underWay} calls have not ended`),
      livenessLimitMs,
    );
    const reading = this.#clients.readAll();
    await this.#until(() => (reading.isDone() ? undefined : 'not every key can be read'), livenessLimitMs);
    const stillLiving = () => living.filter(({ gone }) => gone === undefined);
    await this.#until(() => this.#cluster.unsettled(stillLiving()), livenessLimitMs);
  }

  /** Looks again and again for servers that have stopped themselves. */
  #supervise(): void {
    const { time } = this.#world;
    for (const machine of this.#cluster.machines) this.#nemesis.supervise(machine);
    time.schedule(time.nowMs + lookIntervalMs, () => this.#supervise());
  }

  /** Lets events happen until nothing is missing any more. */
  async #until(missing: () => string | undefined, limitMs: number): Promise<void> {
    const { time } = this.#world;
    const endMs = time.nowMs + limitMs;
    let lookAtMs = 0;
    let lacking: string | undefined = 'not looked yet';
    while (lacking !== undefined) {
      if (time.steps >= this.#steps) throw new StepsDone();
      const ran = await this.#world.step();
      if (ran === undefined) throw new OutOfTime(`nothing happens any more: ${lacking}`);
      for (const machine of this.#cluster.machines) this.#checkIfRan(machine, ran);
      if (this.#world.violation !== undefined) throw new StepsDone();
      if (time.nowMs < lookAtMs) continue;
      lookAtMs = time.nowMs + lookIntervalMs;
      this.#lookForDeadEnd();
      lacking = missing();
      if (lacking !== undefined && time.nowMs > endMs) {
        throw new OutOfTime(`${(limitMs / 1000).toFixed(0)} s after the last fault: ${lacking}`);
      }
    }
  }

  #lookForDeadEnd(): void {
    const message = this.#isHealed ? this.#cluster.envelope?.deadEnd : undefined;
    const { nowMs } = this.#world.time;
    if (message === undefined) this.#shown = undefined;
    else if (message !== this.#shown?.message) this.#shown = { message, sinceMs: nowMs };
    else if (nowMs - this.#shown.sinceMs > deadEndMs) throw new StandsStill(message);
  }

  /** Outside its envelope an engine may stand still, if users are told so; inside it never. */
  async #standStill(error: unknown): Promise<void> {
    if (!(error instanceof StandsStill)) throw error;
    const { message } = error;
    this.#isHealed = false;
    this.#deadEnd = message;
    if (this.#cluster.envelope?.left === undefined) {
      this.#world.violated('inside its envelope the store goes on', message);
      return;
    }
    let told: string | undefined;
    const process = this.#world.newProcess('user');
    const clerk = this.#cluster.clerk(process.name, process, 0);
    process.after(0, () => {
      clerk.get(keyOfUser, { timeoutMs: callInDeadEndMs }).then(
        () => (told = 'the call was answered'),
        (error: unknown) => (told = String(error)),
      );
    });
    await this.#until(() => (told === undefined ? 'a call has not ended' : undefined), 2 * callInDeadEndMs);
    if (told?.includes(message) === true) return;
    this.#world.violated('a dead end is shown to users', `it is "${message}", and a user was told: ${told}`);
  }

  #checkIfRan(machine: Machine, ran: ReadonlySet<unknown>): void {
    if (machine.process !== undefined && ran.has(machine.process)) this.#cluster.check(machine);
  }
}

function newCluster(world: World, plan: Plan): SimulatedCluster {
  const { engine } = plan;
  if (engine === 'primary-backup')
    return new PrimaryBackupCluster(world, { ...plan, replicaCount: plan.replicas });
  return new VotingCluster(world, { ...plan, engine, replicaCount: plan.replicas, reads: 'barrier' });
}
