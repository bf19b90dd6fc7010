import { createHash, type Hash } from 'node:crypto';
import { BaseClerk } from '../../src/clerk/base-clerk.js';
import type { ClientLink } from '../../src/clerk/client-link.js';
import { EndpointsRoute } from '../../src/clerk/endpoints-route.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { incarnation, replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { Enveloped } from '../../src/log/header.js';
import { PeerRefusal, type Member } from '../../src/log/roster.js';
import { CallError } from '../../src/rpc/call-error.js';
import type { Call } from '../../src/rpc/link.js';
import { refusalError } from '../../src/rpc/peer-method.js';
import type { Logger } from '../../src/runtime/logger.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { openDataDirectory, type DataDirectory } from '../../src/server/data-directory.js';
import type { Engine, RecoveredEngine } from '../../src/server/engine.js';
import type { Hello } from '../../src/server/hello.js';
import type { PaxosEngine } from '../../src/server/paxos-engine.js';
import type { Replica } from '../../src/server/replica.js';
import type { ReplicaSettings } from '../../src/server/replica-options.js';
import type { PullRequest, SnapshotPiece } from '../../src/server/snapshot-transfer.js';
import { FakeClock } from './fake-clock.js';
import { fakePaxos, worldEngine, type FakeEngine, type Ways, type WorldEngine } from './fake-engine.js';
import { Cuts, FakeStreams, readable } from './fake-streams.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

export interface FakeWorldOptions {
  readonly seed: number;
  readonly replicaCount: number;
  /** The share of messages that are lost, requests and replies alike, from 0 to 1. */
  readonly loss: number;
  /** The share of messages between replicas that arrive a second time soon after; default 0. */
  readonly duplication?: number;
  /** The share of messages on streams between replicas that take their stream down; default 0. */
  readonly streamBreaks?: number;
  /** The share of messages that are lost on a stream that stands; default 0. */
  readonly streamLoss?: number;
  /** How long a message is under way at the most. */
  readonly delayLimitMs: number;
  /** Whether each replica has a disk that takes its time to sync and forgets what was not synced; default false. */
  readonly disks?: boolean;
  /** How often the replicas compare their digests; the default is theirs. */
  readonly checkpointIntervalSlots?: number;
}

/** The longest that a sync of a disk takes, and that one in ten takes: longer than messages, which must wait for it. */
const syncLimitMs = 10;
const slowSyncLimitMs = 300;
/** How soon after a message its duplicate comes at the latest. */
const duplicateLimitMs = 10;
/** How long the replicas of a new world may take to come up. */
const bootLimitMs = 60_000;

/**
 * Real replicas and clerks in one process, on a clock, random numbers and links that are made up from one seed.
 * Every message, timer and loss goes into a trace; equal seeds give equal hashes of it.
 */
export class FakeWorld<Opened extends Engine = PaxosEngine> {
  readonly clock = new FakeClock();
  readonly replicas = new Map<ReplicaId, Replica<Opened>>();
  /** The disks that the replicas have now, if they have any. */
  readonly disks = new Map<ReplicaId, SimulatedDisk>();
  /** What replicas with disks have stopped themselves for. */
  readonly failures: { readonly replica: ReplicaId; readonly error: unknown }[] = [];
  /** Told of every moment that a replica names. */
  onMoment: (replica: ReplicaId, event: string) => void = () => undefined;
  readonly #told = new Map<string, number>();
  readonly #engine: WorldEngine<Opened>;
  readonly #options: FakeWorldOptions;
  readonly #random: Random;
  readonly #trace: Hash = createHash('sha256');
  readonly #crashed = new Set<ReplicaId>();
  readonly #members: readonly Member[];
  /** Counts the processes of each replica, so that a message to an earlier one is lost. */
  readonly #lives = new Map<ReplicaId, number>();
  readonly #streams: FakeStreams;
  readonly #cuts = new Cuts();
  #lost = 0;
  #delivered = 0;

  /** Makes a world of the engine `paxos` and starts every replica. */
  static create(options: FakeWorldOptions): Promise<FakeWorld> {
    return FakeWorld.createOf(fakePaxos, options);
  }

  /** Makes the world and starts every replica. */
  static async createOf<Link extends object, Recovered extends RecoveredEngine, Opened extends Engine>(
    engine: FakeEngine<Link, Recovered, Opened>,
    options: FakeWorldOptions,
  ): Promise<FakeWorld<Opened>> {
    const world = new FakeWorld(worldEngine(engine), options);
    let isUp = false;
    const booted = world.#bootAll().finally(() => (isUp = true));
    if (options.disks === true) await world.clock.runUntil(() => isUp, bootLimitMs);
    await booted;
    for (const replica of world.replicas.values()) replica.start();
    return world;
  }

  private constructor(engine: WorldEngine<Opened>, options: FakeWorldOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.clock.onFire = (atMs, order) => this.#trace.update(`timer ${atMs} ${order}\n`);
    this.#members = Array.from({ length: options.replicaCount }, (_, index) => ({
      id: replicaId(index + 1),
      address: `fake:${index + 1}`,
    }));
    this.#streams = new FakeStreams({
      clock: this.clock,
      random: this.#random,
      delayLimitMs: options.delayLimitMs,
      breaks: options.streamBreaks ?? 0,
      loss: options.streamLoss ?? 0,
      lifeOf: (id) => (this.#crashed.has(id) ? undefined : this.#lives.get(id)),
      isCut: (from, to) => this.#cuts.has(from, to),
      trace: (line, message) => this.#trace.update(`${line} ${JSON.stringify(message, readable)}\n`),
    });
  }

  /** Lets nothing pass between two replicas any more. */
  cut(left: ReplicaId, right: ReplicaId): void {
    this.#trace.update(`cut ${left} ${right}\n`);
    this.#cuts.add(left, right);
  }

  /** Takes every cut back. */
  heal(): void {
    this.#trace.update('heal\n');
    this.#cuts.clear();
  }

  get messages(): { readonly delivered: number; readonly lost: number } {
    return { delivered: this.#delivered, lost: this.#lost };
  }

  /** How often the replicas' loggers were told this, by all of them together. */
  told(message: string): number {
    return this.#told.get(message) ?? 0;
  }

  isUp(id: ReplicaId): boolean {
    return !this.#crashed.has(id);
  }

  /** The hash of everything that happened so far. */
  traceHash(): string {
    return this.#trace.copy().digest('hex');
  }

  /** Ends a replica: nothing reaches it and nothing of it leaves any more, and its disk forgets what was not synced. */
  crash(id: ReplicaId): void {
    this.#trace.update(`crash ${id}\n`);
    this.#crashed.add(id);
    this.#streams.crashed(id);
    const disk = this.disks.get(id);
    if (disk !== undefined) this.disks.set(id, this.#slowed(disk.crash()));
    this.#at(id)
      .close()
      .catch(() => undefined);
  }

  /** What the disk of a replica holds now. */
  copyOfDisk(id: ReplicaId): SimulatedDisk {
    const disk = this.disks.get(id);
    if (disk === undefined) throw new RangeError(`replica ${id} has no disk`);
    return disk.image();
  }

  /** Gives a crashed replica another disk, or an empty one. */
  replaceDisk(id: ReplicaId, disk?: SimulatedDisk): void {
    this.#trace.update(`replace disk ${id}\n`);
    this.disks.set(id, disk === undefined ? this.#newDisk() : this.#slowed(disk));
  }

  /** Starts a crashed replica again from its disk. */
  async restart(id: ReplicaId): Promise<void> {
    this.#trace.update(`restart ${id}\n`);
    await this.#boot(id);
    this.#crashed.delete(id);
    this.#at(id).start();
  }

  clerk(name: string): BaseClerk {
    const links = [...this.replicas.keys()].map((id): ClientLink => ({
      address: `fake:${id}`,
      execute: this.#carried(`${name}>${id}`, id, (request, signal) => this.#at(id).execute(request, signal)),
      close: () => undefined,
    }));
    return new BaseClerk({
      route: new EndpointsRoute(links, seededRandom(this.#random.below(2 ** 31))),
      attemptTimeoutMs: 1000,
      sequenceWindow: defaultSessionParameters.sequenceWindow,
      clock: this.clock,
    });
  }

  #at(id: ReplicaId): Replica<Opened> {
    const replica = this.replicas.get(id);
    if (replica === undefined) throw new RangeError(`there is no replica ${id}`);
    return replica;
  }

  async #bootAll(): Promise<void> {
    for (const { id } of this.#members) await this.#boot(id);
  }

  async #boot(me: ReplicaId): Promise<void> {
    const life = (this.#lives.get(me) ?? 0) + 1;
    this.#lives.set(me, life);
    const random = seededRandom(this.#random.below(2 ** 31));
    const { disks = false, checkpointIntervalSlots } = this.#options;
    const directory = disks ? await this.#directory(me, random) : undefined;
    const settings: ReplicaSettings = {
      members: this.#members,
      me,
      clusterId: directory?.clusterId ?? 'fake',
      incarnation: directory?.directoryId ?? incarnation(random.hex(32)),
      sessionParameters: defaultSessionParameters,
      directory,
      rebuild: false,
      logLimits: { slots: 64, bytes: 64 * 1024 },
      reads: 'barrier',
      helloIntervalMs: 500,
      roundTimeoutMs: 1000,
      electionTimeoutMs: 100,
      clock: this.clock,
      random,
      logger: this.#logger(),
      trace: (event) => {
        if (this.isUp(me) && this.#lives.get(me) === life) this.onMoment(me, event);
      },
      failed: (error) => {
        if (this.#crashed.has(me) || this.#lives.get(me) !== life) return;
        if (!disks) throw error;
        this.failures.push({ replica: me, error });
      },
      ...(checkpointIntervalSlots === undefined ? {} : { checkpointIntervalSlots }),
    };
    const replica = await this.#engine.open(settings, (peer) => this.#ways(me, peer, life));
    this.replicas.set(me, replica);
  }

  #logger(): Logger {
    const count = (message: string) => void this.#told.set(message, this.told(message) + 1);
    return { debug: () => undefined, info: count, warn: count, error: count };
  }

  #directory(me: ReplicaId, random: Random): Promise<DataDirectory> {
    const disk = this.disks.get(me) ?? this.#newDisk();
    this.disks.set(me, disk);
    return openDataDirectory({
      disk,
      clock: this.clock,
      random,
      wanted: {
        engine: this.#engine.name,
        members: this.#members,
        sessionParameters: defaultSessionParameters,
        replica: me,
        clusterId: 'fake',
      },
      clusterIdAtBirth: 'fake',
      segmentBytes: 32 * 1024,
      // The replica is told by the append that fails.
      fatal: () => undefined,
    });
  }

  #newDisk(): SimulatedDisk {
    return this.#slowed(new SimulatedDisk(seededRandom(this.#random.below(2 ** 31))));
  }

  /** Lets syncs take a while; everything else a disk does takes no time. */
  #slowed(disk: SimulatedDisk): SimulatedDisk {
    disk.before = ({ kind }) =>
      kind === 'datasync' || kind === 'sync-directory'
        ? this.clock.sleep(
            this.#random.between(0.1, this.#random.below(10) === 0 ? slowSyncLimitMs : syncLimitMs),
          )
        : undefined;
    return disk;
  }

  #ways(from: ReplicaId, to: ReplicaId, life: number): Ways<Opened> {
    const gone = () => this.#crashed.has(from) || this.#lives.get(from) !== life;
    const method = <Request, Reply>(
      name: string,
      handle: (replica: Replica<Opened>, request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
    ) => {
      const call = this.#carried<Enveloped<Request>, Enveloped<Reply>>(
        `${from}>${to} ${name}`,
        to,
        (request) =>
          this.#perhapsTwice(() => handle(this.#at(to), request)).catch((error: unknown) => {
            throw error instanceof PeerRefusal ? refusalError(error) : error;
          }),
      );
      const sending: typeof call = (request, options) =>
        gone() || this.#cuts.has(from, to) ? Promise.reject(lostMessage()) : call(request, options);
      return sending;
    };
    return {
      common: {
        hello: method<Hello, Hello>('hello', (replica, request) => replica.greeter.handleHello(request)),
        pullSnapshot: (request, { signal }) => this.#streamed(from, to, request, signal, gone),
      },
      maker: {
        carry: (name, handle) => method(name, (replica, request) => handle(replica.engine, request)),
        carryStreams: (name, accept) =>
          this.#streams.between(from, to, name, (stream) => accept(this.#at(to).engine, stream)),
      },
    };
  }

  /** Lets the duplicate of a message be taken in as well; whichever answer is there first goes back. */
  #perhapsTwice<Reply>(handle: () => Promise<Reply>): Promise<Reply> {
    const { duplication = 0 } = this.#options;
    if (duplication === 0 || this.#random.between(0, 1) >= duplication) return handle();
    const again = this.clock.sleep(this.#random.between(0, duplicateLimitMs)).then(handle);
    const first = handle();
    again.catch(() => undefined);
    return Promise.race([first, again]);
  }

  /** A call over the made-up network: each way may be lost, and takes a while. */
  #carried<Request, Reply>(
    name: string,
    to: ReplicaId,
    handle: (request: Request, signal: AbortSignal) => Promise<Reply>,
  ): Call<Request, Reply> {
    return async (request, { timeoutMs, signal }) => {
      const ended = new AbortController();
      const deadline = this.clock.timer(timeoutMs, () => ended.abort());
      const answer = async (): Promise<Reply> => {
        await this.#travel(name, request);
        if (this.#crashed.has(to)) throw lostMessage();
        const life = this.#lives.get(to);
        const reply = await handle(request, ended.signal);
        if (this.#crashed.has(to) || this.#lives.get(to) !== life) throw lostMessage();
        await this.#travel(`${name} reply`, reply);
        return reply;
      };
      const expired = new Promise<never>((_resolve, reject) => {
        const expire = () =>
          reject(
            new CallError({ code: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN', message: 'deadline exceeded' }),
          );
        ended.signal.addEventListener('abort', expire, { once: true });
        signal?.addEventListener('abort', expire, { once: true });
      });
      try {
        return await Promise.race([answer(), expired]);
      } finally {
        deadline.cancel();
      }
    };
  }

  /** A stream over the made-up network: each piece takes a while, and a lost one ends the stream. */
  async *#streamed(
    from: ReplicaId,
    to: ReplicaId,
    request: Enveloped<PullRequest>,
    signal: AbortSignal,
    gone: () => boolean,
  ): AsyncIterable<Enveloped<SnapshotPiece>> {
    const name = `${from}>${to} pull-snapshot`;
    await this.#travel(name, request);
    const life = this.#lives.get(to);
    const isOver = () =>
      gone() ||
      this.#cuts.has(from, to) ||
      this.#crashed.has(to) ||
      this.#lives.get(to) !== life ||
      signal.aborted;
    if (isOver()) throw lostMessage();
    for await (const piece of this.#at(to).snapshotSource.handlePull(request, signal)) {
      await this.#travel(`${name} piece`, piece);
      if (isOver()) throw lostMessage();
      yield piece;
    }
  }

  async #travel(name: string, message: unknown): Promise<void> {
    const lost = this.#random.between(0, 1) < this.#options.loss;
    const delayMs = this.#random.between(0.1, this.#options.delayLimitMs);
    this.#trace.update(
      `${this.clock.now()} ${lost ? 'lost' : delayMs} ${name} ${JSON.stringify(message, readable)}\n`,
    );
    await this.clock.sleep(delayMs);
    if (lost) {
      this.#lost += 1;
      throw lostMessage();
    }
    this.#delivered += 1;
  }
}

const lostMessage = (): CallError =>
  new CallError({ code: 'UNAVAILABLE', reason: 'UNKNOWN', message: 'the message was lost' });
