import { BaseClerk } from '../../src/clerk/base-clerk.js';
import { EndpointsRoute } from '../../src/clerk/endpoints-route.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import {
  serverAddress,
  serverIncarnation,
  viewServiceIncarnation,
  type ServerAddress,
} from '../../src/primary-backup/names.js';
import type { BackupLink } from '../../src/primary-backup/messages.js';
import { ViewServer } from '../../src/primary-backup/view-server.js';
import { CallError } from '../../src/rpc/call-error.js';
import type { Call } from '../../src/rpc/link.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { PrimaryBackupServer } from '../../src/server/primary-backup-server.js';
import { FakeClock } from './fake-clock.js';

export interface PrimaryBackupWorldOptions {
  readonly seed: number;
  readonly serverCount: number;
  /** The share of messages that are lost, requests and replies alike, from 0 to 1. */
  readonly loss: number;
  /** The share of requests between servers that arrive a second time later. */
  readonly duplication: number;
  /** How long a message is under way at the most. */
  readonly delayLimitMs: number;
}

/** One process of a server. */
interface Life {
  readonly server: PrimaryBackupServer;
  isUp: boolean;
}

const viewService = 'views';
export const pingIntervalMs = 100;
export const deadPings = 5;
/** How much later than the first a duplicate comes at most: after whole views. */
const duplicateLimitMs = 3000;

/** A call, because the compiler takes the property for unchanged across an await. */
const isThere = (life: Life): boolean => life.isUp;

const gone = (): CallError =>
  new CallError({ code: 'UNAVAILABLE', reason: 'UNKNOWN', message: 'nobody answers' });

/**
 * Real servers of primary/backup with the real view service and real clerks, on a clock, random numbers and links that are
 * made up from one seed. A crash loses everything that was on its way to the process and from it, and all of its state.
 */
export class PrimaryBackupWorld {
  readonly clock = new FakeClock();
  readonly addresses: readonly ServerAddress[];
  /** Why servers have stopped themselves. */
  readonly failures: unknown[] = [];
  readonly counts = { delivered: 0, lost: 0, duplicated: 0, crashes: 0, pulls: 0, pings: 0, views: 0 };
  views: ViewServer;
  readonly #options: PrimaryBackupWorldOptions;
  readonly #random: Random;
  readonly #lives = new Map<ServerAddress, Life>();
  readonly #cuts = new Set<string>();

  constructor(options: PrimaryBackupWorldOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.addresses = Array.from({ length: options.serverCount }, (_, index) =>
      serverAddress(`s${index + 1}`),
    );
    this.views = this.#newViews();
    for (const address of this.addresses) this.start(address);
  }

  server(address: ServerAddress): PrimaryBackupServer {
    return this.#life(address).server;
  }

  isUp(address: ServerAddress): boolean {
    return this.#life(address).isUp;
  }

  /** Starts an empty process. */
  start(address: ServerAddress): void {
    const life: Life = { server: this.#newServer(address, () => life), isUp: true };
    this.#lives.set(address, life);
    life.server.start();
  }

  crash(address: ServerAddress): void {
    const life = this.#life(address);
    if (!life.isUp) return;
    this.counts.crashes += 1;
    life.isUp = false;
    life.server.close().catch(() => undefined);
  }

  /** Lets nothing pass from one to the other; the view service is `views`. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** The view service loses all it knows, and comes back at once. */
  restartViews(): void {
    this.views.close();
    this.views = this.#newViews();
  }

  close(): void {
    for (const address of this.addresses) this.crash(address);
    this.views.close();
  }

  /** A clerk that tries the servers in this order. */
  clerk(name: string, addresses: readonly ServerAddress[] = this.addresses): BaseClerk {
    const links = addresses.map((address) => ({
      address,
      execute: this.#carried(name, address, () => {
        const { server } = this.#life(address);
        return (request: Parameters<PrimaryBackupServer['execute']>[0], signal: AbortSignal) =>
          server.execute(request, signal);
      }),
      close: () => undefined,
    }));
    return new BaseClerk({
      route: new EndpointsRoute(links, seededRandom(this.#random.below(2 ** 31))),
      attemptTimeoutMs: 1000,
      sequenceWindow: defaultSessionParameters.sequenceWindow,
      clock: this.clock,
    });
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.now() + ms;
    this.clock.timer(ms, () => undefined);
    await this.clock.runUntil(() => this.clock.now() >= endMs, ms);
  }

  async until(isSo: () => boolean, limitMs: number): Promise<void> {
    await this.clock.runUntil(isSo, limitMs);
  }

  #newViews(): ViewServer {
    const views = new ViewServer({
      incarnation: viewServiceIncarnation(this.#random.hex(16)),
      clock: this.clock,
      logger: { ...silentLogger, info: () => (this.counts.views += 1) },
      pingIntervalMs,
      deadPings,
    });
    views.start();
    return views;
  }

  #newServer(me: ServerAddress, life: () => Life): PrimaryBackupServer {
    const isMine = () => this.#lives.get(me) === life() && life().isUp;
    return new PrimaryBackupServer({
      id: 0,
      address: me,
      incarnation: serverIncarnation(this.#random.hex(16)),
      viewService,
      viewLink: {
        ping: this.#carried(
          me,
          viewService,
          () => (ping) => {
            this.counts.pings += 1;
            return Promise.resolve(this.views.handlePing(ping));
          },
          isMine,
        ),
      },
      openLink: (to) => this.#link(me, to, isMine),
      sessionParameters: defaultSessionParameters,
      pingIntervalMs,
      roundTimeoutMs: 1000,
      clock: this.clock,
      logger: silentLogger,
      failed: (error) => this.failures.push(error),
    });
  }

  #link(me: ServerAddress, to: ServerAddress, isMine: () => boolean): BackupLink {
    const { clock, counts } = this;
    const hop = (from: string, target: string) => this.#hop(from, target);
    const lifeOf = () => this.#life(to);
    return {
      forward: this.#carried(
        me,
        to,
        () => {
          const { replica } = this.#life(to).server;
          return (forward) => Promise.resolve(replica.handleForward(forward));
        },
        isMine,
      ),
      pullState: async function* (standing, { signal }) {
        const life = lifeOf();
        const first = hop(me, to);
        if (first === undefined || !life.isUp) throw gone();
        counts.pulls += 1;
        await clock.sleep(first);
        for await (const piece of life.server.replica.handlePull(standing, signal)) {
          const back = hop(to, me);
          if (back === undefined) throw gone();
          await clock.sleep(back);
          if (!isThere(life) || !isMine() || signal.aborted) throw gone();
          yield piece;
        }
      },
      close: () => undefined,
    };
  }

  /** A call whose request and reply are each lost, late, or, between servers, twice. */
  #carried<Request, Reply>(
    from: string,
    to: string,
    handler: () => (request: Request, signal: AbortSignal) => Promise<Reply>,
    isCallerThere: () => boolean = () => true,
  ): Call<Request, Reply> {
    return (request, { timeoutMs, signal }) =>
      new Promise<Reply>((resolve, reject) => {
        const ended = new AbortController();
        const end = (settle: () => void) => {
          if (ended.signal.aborted) return;
          ended.abort();
          overdue.cancel();
          signal?.removeEventListener('abort', cancel);
          if (isCallerThere()) settle();
        };
        const cancel = () =>
          end(() => reject(new CallError({ code: 'CANCELLED', reason: 'UNKNOWN', message: 'cancelled' })));
        const overdue = this.clock.timer(timeoutMs, () =>
          end(() =>
            reject(new CallError({ code: 'DEADLINE_EXCEEDED', reason: 'UNKNOWN', message: 'overdue' })),
          ),
        );
        if (signal?.aborted) cancel();
        signal?.addEventListener('abort', cancel, { once: true });
        const isSeen = from !== viewService && this.#isServer(from);
        const arrive = (isFirst: boolean) => {
          const life = this.#lives.get(to as ServerAddress);
          if (to !== viewService && life?.isUp !== true) {
            if (isFirst) this.#later(() => end(() => reject(gone())));
            return;
          }
          this.counts.delivered += 1;
          const answered = (settle: () => void) => {
            if (!isFirst || (to !== viewService && !(life?.isUp ?? false))) return;
            const back = this.#hop(to, from);
            if (back !== undefined) this.clock.timer(back, () => end(settle));
          };
          handler()(request, ended.signal).then(
            (reply) => answered(() => resolve(reply)),
            (error: unknown) =>
              answered(() => reject(error instanceof Error ? error : new Error(String(error)))),
          );
        };
        const there = this.#hop(from, to);
        if (there !== undefined) this.clock.timer(there, () => arrive(true));
        if (isSeen && this.#random.between(0, 1) < this.#options.duplication) {
          this.counts.duplicated += 1;
          this.clock.timer(this.#random.between(0, duplicateLimitMs), () => arrive(false));
        }
      });
  }

  #isServer(name: string): boolean {
    return this.addresses.some((address) => address === name);
  }

  #later(run: () => void): void {
    this.clock.timer(this.#random.between(0, this.#options.delayLimitMs), run);
  }

  /** How long a message is under way; undefined if it is lost. */
  #hop(from: string, to: string): number | undefined {
    const { loss, delayLimitMs } = this.#options;
    if (this.#cuts.has(`${from}>${to}`) || this.#random.between(0, 1) < loss) {
      this.counts.lost += 1;
      return undefined;
    }
    return this.#random.between(0, delayLimitMs);
  }

  #life(address: ServerAddress): Life {
    const life = this.#lives.get(address);
    if (life === undefined) throw new RangeError(`there is no server ${address}`);
    return life;
  }
}
