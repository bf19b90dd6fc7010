import { stateVersions, type SessionParameters } from '../kv/limits.js';
import type { Request, Result } from '../kv/operation.js';
import { KeyValueStateMachine } from '../kv/state-machine.js';
import { majorityOf, type Incarnation, type ReplicaId } from '../log/ids.js';
import { Roster, type Member } from '../log/roster.js';
import { VotingGate } from '../log/voting-gate.js';
import type { PaxosLink } from '../paxos/messages.js';
import { PaxosLog } from '../paxos/paxos-log.js';
import { PaxosPeer } from '../paxos/peer.js';
import { CallError } from '../rpc/call-error.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import { Admission } from './admission.js';
import { Checkpoints, type CheckpointVerdict } from './checkpoints.js';
import type { DataDirectory } from './data-directory.js';
import { Greeter } from './greeter.js';
import type { Hello, HelloLink } from './hello.js';
import { KeyValueFrontend } from './key-value-frontend.js';
import { engineJournal, Persistence } from './persistence.js';
import { replicaStatus } from './replica-status.js';
import type { LogLimits } from './snapshot-keeper.js';
import type { SnapshotSource } from './snapshot-source.js';
import type { SnapshotLink, SnapshotPiece } from './snapshot-transfer.js';
import { divergedDamage, startingPoint, type StartingPoint } from './starting-point.js';
import { StateCustody } from './state-custody.js';
import type { ReplicaStatus } from './status.js';

/** The ways to one other replica. */
export type ReplicaLink = PaxosLink & HelloLink & SnapshotLink;

/** How reads are made linearizable: by asking a majority how far it has come, or by a command in the log. */
export type ReadPath = 'barrier' | 'log';

export interface ReplicaOptions {
  readonly members: readonly Member[];
  readonly me: ReplicaId;
  /** Those of the data directory, if there is one. */
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  readonly sessionParameters: SessionParameters;
  /** Undefined keeps everything in memory. */
  readonly directory: DataDirectory | undefined;
  /** Pull the state anew, whatever the directory has; its votes are kept. */
  readonly rebuild: boolean;
  readonly logLimits: LogLimits;
  /** Every so many slots replicas compare their digests (rule R13); default 1,024, and only tests have another. */
  readonly checkpointIntervalSlots?: number;
  readonly reads: ReadPath;
  /** How often peers greet each other; a majority silent for two of these ends serving. */
  readonly helloIntervalMs: number;
  /** How long an unanswered peer message is waited for. */
  readonly roundTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Names a moment just passed; for tests that stop the process there. */
  readonly trace?: (event: string) => void;
  /** Makes the way to a peer, given who speaks. */
  readonly link: (peer: Member, roster: Roster) => ReplicaLink;
  /** Told when this replica has closed itself because going on could do harm. */
  readonly failed: (error: unknown) => void;
}

/**
 * One replica: engine, key/value state, sessions, disk and Hello, wired together over the seams and nothing else. The
 * same replica runs over gRPC and in a world that a test makes up.
 */
export class Replica {
  readonly roster: Roster;
  readonly paxos: PaxosPeer;
  readonly greeter: Greeter;
  readonly #options: ReplicaOptions;
  readonly #state: KeyValueStateMachine;
  readonly #log: PaxosLog<Result>;
  readonly #frontend: KeyValueFrontend;
  readonly #gate = new VotingGate();
  readonly #checkpoints: Checkpoints;
  readonly #admission: Admission;
  readonly #custody: StateCustody;
  readonly #closing = new AbortController();

  /**
   * Loads what the directory has and makes a replica of it; it speaks to nobody before `start`.
   * @throws StorageDamage
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    const checkpoints = new Checkpoints({
      me: options.me,
      memberCount: options.members.length,
      majority: majorityOf(options.members.length),
      told: (verdict) => verdictTold(verdict),
    });
    const state = new KeyValueStateMachine({
      sessionParameters: options.sessionParameters,
      members: options.members,
      checkpoint: (slot, digest) => checkpoints.passed({ slot, digest }),
      ...(options.checkpointIntervalSlots === undefined
        ? {}
        : { checkpointIntervalSlots: options.checkpointIntervalSlots }),
    });
    const { directory, rebuild, members, logger } = options;
    const point =
      directory && (await startingPoint({ directory, state, rebuild, memberCount: members.length, logger }));
    const replica = new Replica(options, state, checkpoints, point);
    const verdictTold = (verdict: CheckpointVerdict) => replica.#judged(verdict);
    await replica.#log.replay();
    if (rebuild && point?.paxos.missingThrough === undefined) await directory?.suspect.clear();
    return replica;
  }

  private constructor(
    options: ReplicaOptions,
    state: KeyValueStateMachine,
    checkpoints: Checkpoints,
    point: StartingPoint | undefined,
  ) {
    const { clock, directory } = options;
    this.#options = options;
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.roster = rosterOf(options);
    const { roster } = this;
    const others = options.members.filter(({ id }) => id !== options.me);
    const links = new Map(others.map((peer) => [peer.id, options.link(peer, roster)]));
    const persistence = directory && new Persistence(directory, roster);
    this.paxos = this.#makePaxosPeer(links, point);
    this.#log = this.#makeLog(point);
    this.#frontend = new KeyValueFrontend({
      log: this.#log,
      parameters: options.sessionParameters,
      reads: options.reads,
      read: (operation) => state.store.get(operation),
      closing: this.#closing.signal,
    });
    this.#custody = new StateCustody({
      ...options,
      roster,
      links,
      state,
      checkpoints,
      log: this.#log,
      storage: persistence?.keeperStorage(() => this.paxos.liveRecords()),
      limits: options.logLimits,
      missingThrough: point?.paxos.missingThrough,
      recentMs: 2 * options.helloIntervalMs,
      failed: this.fail,
    });
    this.#admission = new Admission({
      roster,
      gate: this.#gate,
      shown: persistence?.isShown ?? false,
      recoveredLsn: directory?.recovered.lastLsn ?? 0,
      recordShown: async () => persistence?.recordOwnPin(),
      failed: this.fail,
    });
    this.greeter = new Greeter({
      roster,
      links,
      clock,
      intervalMs: options.helloIntervalMs,
      hello: () => this.#hello(),
      pin: async (peer, incarnation) => persistence?.recordPin(peer, incarnation),
      heard: (peer, hello) => this.#heard(peer, hello),
      greeted: (peer, outcome) => this.#greeted(peer, outcome),
    });
  }

  #makePaxosPeer(links: ReadonlyMap<ReplicaId, PaxosLink>, point: StartingPoint | undefined): PaxosPeer {
    const { directory, clock, random, roundTimeoutMs } = this.#options;
    return new PaxosPeer({
      roster: this.roster,
      links,
      journal: engineJournal(directory),
      gate: this.#gate,
      ...(point === undefined ? {} : { recovered: point.paxos }),
      clock,
      random,
      roundTimeoutMs,
      behind: (peer, _slot, floor) => this.#custody.behind(peer, floor),
      trace: this.#trace,
      fatal: this.fail,
    });
  }

  #makeLog(point: StartingPoint | undefined): PaxosLog<Result> {
    return new PaxosLog({
      peer: this.paxos,
      stateMachine: this.#state,
      clock: this.#options.clock,
      random: this.#options.random,
      ...(point?.loadedThrough === undefined ? {} : { recoveredThrough: point.loadedThrough }),
      fatal: this.fail,
      trace: this.#trace,
    });
  }

  readonly #trace = (event: string, details: Record<string, unknown>): void => {
    this.#options.trace?.(event);
    this.#options.logger.debug(event, details);
  };

  /** Begins to greet the others, and to vote once they have answered. */
  start(): void {
    this.#admission.start();
    this.greeter.start();
    this.#custody.start();
  }

  /**
   * Answers a client.
   * @throws CallError
   */
  execute(request: Request, signal: AbortSignal): Promise<Result> {
    return this.#frontend.execute(request, signal);
  }

  /**
   * The whole state in pieces, no older than any write answered before this call.
   * @throws LogError
   */
  async *save(signal: AbortSignal): AsyncIterable<SnapshotPiece> {
    await this.#log.readBarrier(signal);
    yield* this.snapshotSource.pieces();
  }

  /** Hands the state to peers and backups. */
  get snapshotSource(): SnapshotSource {
    return this.#custody.source;
  }

  /** Whether this replica may vote and a majority was heard within two Hello intervals. */
  get serving(): boolean {
    const { roster } = this;
    return (
      !this.#closing.signal.aborted &&
      this.#gate.isOpen &&
      roster.heardWithin(2 * this.#options.helloIntervalMs) >= roster.majority
    );
  }

  status(): ReplicaStatus {
    return replicaStatus({
      roster: this.roster,
      state: this.#state,
      log: this.#log,
      greeter: this.greeter,
      serving: this.serving,
      directory: this.#options.directory,
      agreed: this.#checkpoints.agreed,
      trouble: this.#trouble(),
    });
  }

  /** Stops this replica, because what it stands on has failed. */
  readonly fail = (error: unknown): void => {
    if (this.#closing.signal.aborted) return;
    this.#options.logger.error('this replica stops: going on could do harm', { error: String(error) });
    this.close().catch(() => undefined);
    this.#options.failed(error);
  };

  /** Calls under way end as outcome unknown, queued ones as not executed. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.greeter.close();
    const custodyClosed = this.#custody.close();
    await this.#log.close();
    await this.#options.directory?.log.close();
    await custodyClosed;
  }

  /** What keeps this replica from taking its full part, in words. */
  #trouble(): string {
    const { directory } = this.#options;
    if (directory?.log.hasSpace === false)
      return 'the disk is full: writes are refused until there is space again';
    if (this.#custody.pulling)
      return 'has fallen behind the log of its peers, and pulls a snapshot from them';
    if (this.paxos.silence !== undefined) {
      const { first, last } = this.paxos.silence;
      return `its log is damaged at slots ${first} to ${last}: it does not vote up to there until it has learned them`;
    }
    return this.#admission.waitsFor;
  }

  #heard(peer: ReplicaId, hello: Hello): void {
    if (hello.reach !== undefined) this.#log.heardReach(peer, hello.reach);
    this.#custody.heard(peer, hello);
  }

  #greeted(peer: ReplicaId, outcome: Hello | Error): void {
    if (!(outcome instanceof Error)) this.#admission.heard(peer, outcome.pins);
    else if (isObjection(outcome)) this.#admission.refused(peer, outcome.message);
    this.#admission.greeted(peer);
  }

  #judged(verdict: CheckpointVerdict): void {
    const { slot } = verdict;
    const { logger, directory } = this.#options;
    if (verdict.kind === 'no-majority') {
      logger.error('the replicas differ, and no majority shares a state', { slot });
      return;
    }
    logger.error('the state of this replica differs from that of a majority', { slot });
    Promise.resolve(directory?.suspect.set(slot)).then(
      () => this.fail(divergedDamage(slot)),
      (error: unknown) => this.fail(error),
    );
  }

  #hello(): Hello {
    const { members, sessionParameters } = this.#options;
    return {
      engine: 'paxos',
      members,
      sessionParameters,
      reach: this.#log.reach,
      applied: this.#log.applied,
      minimumStateVersion: stateVersions.minimum,
      maximumStateVersion: stateVersions.maximum,
      stateVersion: this.#state.stateVersion,
      checkpoint: this.#checkpoints.latest,
      pins: this.roster.pins().map(({ replica, incarnation, log }) => ({
        replica,
        incarnation,
        ...log,
      })),
    };
  }
}

/** Whether a peer has told that it knows this id by another incarnation; what we refuse ourselves is no such word. */
const isObjection = (error: Error): boolean =>
  error instanceof CallError && error.reason === 'CHANGED_INCARNATION';

/** Who the members are and what the directory, if there is one, has on record of them. */
const rosterOf = (options: ReplicaOptions): Roster => {
  const { directory, logger } = options;
  return new Roster({
    ...options,
    ...(directory && {
      bootCounter: directory.log.bootCounter,
      durableLsn: () => directory.log.durableLsn,
      recorded: Persistence.recorded(directory),
    }),
    introductions: 'required',
    refused: (message) => logger.warn('a message between replicas was refused', { why: message }),
  });
};
