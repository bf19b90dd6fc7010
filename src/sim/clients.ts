import { clerkAnswer } from '../check/clerk-answer.js';
import { HistoryRecorder } from '../check/history-recorder.js';
import type { History } from '../check/history.js';
import { Workload, workloadKeys } from '../check/workload.js';
import type { BaseClerk } from '../clerk/base-clerk.js';
import { ClerkError } from '../clerk/clerk-error.js';
import type { Operation } from '../kv/operation.js';
import type { CallReason } from '../rpc/call-error.js';
import type { Random } from '../runtime/random.js';
import type { SimulatedCluster } from './cluster.js';
import type { ClientPlan, Plan } from './plan.js';
import { spread } from './spread.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { World } from './world.js';

/** How long calls with a short deadline get. */
const hurriedMs = [20, 4000] as const;
/** What an honest client is never refused for. */
const reasonsOfFaults: readonly CallReason[] = [
  'ALREADY_ACKNOWLEDGED',
  'SEQUENCE_OUTSIDE_WINDOW',
  'SESSION_NEVER_ISSUED',
  'BAD_REQUEST',
];

interface Client {
  /** In the history. */
  readonly name: string;
  /** In the network. */
  readonly host: string;
  readonly plan: ClientPlan;
  readonly process: SimulatedProcess;
  readonly clerk: BaseClerk;
  readonly workload: Workload;
  readonly random: Random;
  begun: number;
  underWay: number;
  /** A key that a call of unknown outcome may have changed; it is read next, so that the history can be judged. */
  uncertainKey: string | undefined;
}

/** The clients of a world: clerks on hosts of their own that call as the plan says, and what they saw. */
export class Clients {
  readonly recorder: HistoryRecorder;
  readonly #world: World;
  readonly #cluster: SimulatedCluster;
  readonly #plan: Plan;
  readonly #clients: readonly Client[];
  #isPatient = true;
  /** When clients stop taking their time. */
  #endMs = 0;
  /** How clerks ended calls: operations answered, and why the others were not. */
  #answered = 0;

  constructor(world: World, cluster: SimulatedCluster, plan: Plan) {
    this.#world = world;
    this.#cluster = cluster;
    this.#plan = plan;
    // Of the world's time, not of a client's own clock: what happened before what is to be certain.
    this.recorder = new HistoryRecorder({ now: () => world.time.nowMs });
    this.#clients = plan.clients.map((client, index) => this.#newClient(client, index));
  }

  get hosts(): readonly string[] {
    return this.#clients.map(({ host }) => host);
  }

  get history(): History {
    return this.recorder.history;
  }

  /** Whether every client has begun all its calls, and every call has ended. */
  get areDone(): boolean {
    return this.#clients.every(({ begun, plan, underWay }) => begun === plan.operations && underWay === 0);
  }

  /** Calls under way, of all clients. */
  get underWay(): number {
    return this.#clients.reduce((sum, { underWay }) => sum + underWay, 0);
  }

  start(): void {
    this.#endMs = this.#world.time.nowMs + this.#plan.safetyMs;
    for (const client of this.#clients) {
      for (let lane = 0; lane < client.plan.pipeline; lane += 1) {
        client.process.after(this.#pauseMs(client), () => this.#callNext(client));
      }
    }
  }

  /** From now on clients take no time between calls. */
  hurry(): void {
    this.#isPatient = false;
  }

  /** Opens sessions that nobody uses. */
  crowd(count: number): void {
    const process = this.#world.newProcess(`crowd-${this.#world.tally.of('sessions crowded')}`);
    for (let opened = 0; opened < count; opened += 1) {
      this.#world.tally.add('sessions crowded');
      const host = `crowd-${this.#world.tally.of('sessions crowded')}`;
      const clerk = this.#cluster.clerk(host, process, opened);
      // Any write opens a session; this one is of a key that no client uses.
      process.after(1 + opened, () => void clerk.put('crowd', host).catch(ignoreClerkError));
    }
  }

  /** Reads every key once, each with a clerk that has seen nothing before. */
  readAll(): { readonly isDone: () => boolean } {
    const keys = workloadKeys(this.#plan.keyPrefix, this.#plan.keyCount);
    let left = keys.length;
    const process = this.#world.newProcess('reader');
    for (const [index, key] of keys.entries()) {
      const clerk = this.#cluster.clerk(`reader-${index}`, process, index);
      process.after(0, () => {
        void this.#record(`reader-${index}`, clerk, { kind: 'get', key }, undefined).finally(
          () => (left -= 1),
        );
      });
    }
    return { isDone: () => left === 0 };
  }

  tallyAtEnd(): void {
    const { tally } = this.#world;
    tally.add('operations finished', this.#answered);
    tally.add('operations certainly not executed', this.recorder.notExecuted);
  }

  #newClient(plan: ClientPlan, index: number): Client {
    const host = `client-${index + 1}`;
    const name = `${index + 1}`;
    const process = this.#world.newProcess(host);
    const random = this.#world.randomFor(host);
    return {
      name,
      host,
      plan,
      process,
      clerk: this.#cluster.clerk(host, process, index),
      workload: new Workload({
        random,
        prefix: this.#plan.keyPrefix,
        keyCount: this.#plan.keyCount,
        client: name,
      }),
      random,
      begun: 0,
      underWay: 0,
      uncertainKey: undefined,
    };
  }

  #callNext(client: Client): void {
    const { plan, process, random } = client;
    if (client.begun === plan.operations) return;
    client.begun += 1;
    client.underWay += 1;
    const isHurried = random.between(0, 1) < plan.hurried;
    const timeoutMs = isHurried ? spread(random, ...hurriedMs) : undefined;
    const operation = client.workload.next(client.uncertainKey);
    const ended = (end: 'answered' | 'unknown' | 'not-executed') => {
      client.underWay -= 1;
      if (end === 'answered') client.uncertainKey = undefined;
      else if (end === 'unknown') client.uncertainKey = operation.key;
      process.after(this.#pauseMs(client), () => this.#callNext(client));
    };
    this.#record(client.name, client.clerk, operation, timeoutMs).then(ended, (error: unknown) => {
      this.#world.violated('clients are told what they can act on', String(error));
      ended('unknown');
    });
  }

  /** Resolves however the call ends, unless it ends as no call of a clerk may. */
  async #record(
    name: string,
    clerk: BaseClerk,
    operation: Operation,
    timeoutMs: number | undefined,
  ): Promise<'answered' | 'unknown' | 'not-executed'> {
    const { tally } = this.#world;
    try {
      await this.recorder.record(name, operation, () =>
        clerkAnswer(clerk, operation, timeoutMs === undefined ? {} : { timeoutMs }),
      );
      this.#answered += 1;
      return 'answered';
    } catch (error) {
      if (!(error instanceof ClerkError)) throw error;
      if (error.reason !== undefined && reasonsOfFaults.includes(error.reason)) throw error;
      tally.add(
        `calls that ${error.outcome === 'unknown' ? 'ended unknown' : 'did not execute'}: ${error.kind}`,
      );
      if (error.outcome === 'unknown') tally.add('operations unknown');
      return error.outcome;
    }
  }

  /** A pause such that the calls are spread over the time in which faults begin. */
  #pauseMs(client: Client): number {
    const soonMs = client.random.between(0, 20);
    if (!this.#isPatient) return soonMs;
    const leftMs = this.#endMs - this.#world.time.nowMs;
    return Math.min(this.#patientMs(client), leftMs + soonMs);
  }

  #patientMs({ plan, random }: Client): number {
    const { safetyMs, burstsApartMs } = this.#plan;
    const spacingMs = (safetyMs * plan.pipeline) / plan.operations;
    if (burstsApartMs === undefined) return random.between(0, 2 * spacingMs);
    const withinBurstMs = random.between(0, 5);
    if (random.between(0, burstsApartMs) >= spacingMs) return withinBurstMs;
    const bursts = Math.max(1, Math.round(spacingMs / burstsApartMs));
    return burstsApartMs * bursts - (this.#world.time.nowMs % burstsApartMs) + withinBurstMs;
  }
}

const ignoreClerkError = (error: unknown): void => {
  if (!(error instanceof ClerkError)) throw error;
};
