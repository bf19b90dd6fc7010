import { stateVersions } from '../kv/limits.js';
import type { Request, Result } from '../kv/operation.js';
import { KeyValueStateMachine } from '../kv/state-machine.js';
import { majorityOf, type ReplicaId, type Slot } from '../log/ids.js';
import { Roster } from '../log/roster.js';
import { VotingGate } from '../log/voting-gate.js';
import { CallError } from '../rpc/call-error.js';
import { Admission } from './admission.js';
import { Checkpoints, type CheckpointVerdict } from './checkpoints.js';
import type { Engine, EngineName, EngineOptions, RecoveredEngine } from './engine.js';
import { Greeter } from './greeter.js';
import type { Hello } from './hello.js';
import { KeyValueFrontend } from './key-value-frontend.js';
import { engineJournal, Persistence } from './persistence.js';
import type { CommonLink, ReplicaOptions, ReplicaSettings } from './replica-options.js';
import { replicaStatus } from './replica-status.js';
import type { SnapshotSource } from './snapshot-source.js';
import type { SnapshotPiece } from './snapshot-transfer.js';
import { divergedDamage, startingPoint } from './starting-point.js';
import { StateCustody } from './state-custody.js';
import type { ReplicaStatus } from './status.js';

/** What of an engine's options its replica answers for itself. */
type EngineHooks = Pick<EngineOptions<never, never>, 'gate' | 'behind' | 'trace' | 'fatal'>;

/** What a replica is made of. */
interface ReplicaParts<Opened extends Engine> {
  readonly settings: ReplicaSettings;
  readonly engineName: EngineName;
  readonly openEngine: (hooks: EngineHooks) => Opened;
  readonly roster: Roster;
  readonly links: ReadonlyMap<ReplicaId, CommonLink>;
  readonly state: KeyValueStateMachine;
  readonly checkpoints: Checkpoints;
  readonly missingThrough: Slot | undefined;
}

/**
 * One replica: engine, key/value state, sessions, disk and Hello, wired together over the seams and nothing else. The
 * same replica runs over gRPC and in a world that a test makes up.
 */
export class Replica<Opened extends Engine = Engine> {
  readonly roster: Roster;
  readonly engine: Opened;
  readonly greeter: Greeter;
  readonly #settings: ReplicaSettings;
  readonly #engineName: EngineName;
  readonly #state: KeyValueStateMachine;
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
  static async open<Link extends object, Recovered extends RecoveredEngine, Opened extends Engine>(
    options: ReplicaOptions<Link, Recovered, Opened>,
  ): Promise<Replica<Opened>> {
    const { engine, directory, rebuild, members, logger } = options;
    const checkpoints = new Checkpoints({
      me: options.me,
      memberCount: members.length,
      majority: majorityOf(members.length),
      told: (verdict) => verdictTold(verdict),
    });
    const state = newState(options, checkpoints);
    const startOptions = { state, rebuild, memberCount: members.length, logger };
    const point = directory && (await startingPoint(engine, { ...startOptions, directory }));
    const roster = rosterOf(options);
    const others = members.filter(({ id }) => id !== options.me);
    const links = new Map(others.map((peer) => [peer.id, options.link(peer, roster)]));
    const replica = new Replica({
      settings: options,
      engineName: engine.name,
      openEngine: (hooks) =>
        engine.open({
          roster,
          links,
          journal: engineJournal(directory),
          recovered: point?.recovered,
          loadedThrough: point?.loadedThrough,
          stateMachine: state,
          clock: options.clock,
          random: options.random,
          roundTimeoutMs: options.roundTimeoutMs,
          electionTimeoutMs: options.electionTimeoutMs,
          ...hooks,
        }),
      roster,
      links,
      state,
      checkpoints,
      missingThrough: point?.recovered.missingThrough,
    });
    const verdictTold = (verdict: CheckpointVerdict) => replica.#judged(verdict);
    await replica.engine.replay();
    if (rebuild && point?.recovered.missingThrough === undefined) await directory?.suspect.clear();
    return replica;
  }

  private constructor(parts: ReplicaParts<Opened>) {
    const { settings, roster, links, state, checkpoints, missingThrough } = parts;
    const { clock, directory } = settings;
    this.#settings = settings;
    this.#engineName = parts.engineName;
    this.#state = state;
    this.#checkpoints = checkpoints;
    this.roster = roster;
    const persistence = directory && new Persistence(directory, roster);
    this.engine = parts.openEngine({
      gate: this.#gate,
      behind: (peer, floor) => this.#custody.behind(peer, floor),
      trace: this.#trace,
      fatal: this.fail,
    });
    const { log } = this.engine;
    this.#frontend = new KeyValueFrontend({
      log,
      parameters: settings.sessionParameters,
      reads: settings.reads,
      read: (operation) => state.store.get(operation),
      closing: this.#closing.signal,
    });
    this.#custody = new StateCustody({
      ...settings,
      roster,
      links,
      state,
      checkpoints,
      log,
      storage: persistence?.keeperStorage(() => this.engine.liveRecords()),
      limits: settings.logLimits,
      missingThrough,
      recentMs: 2 * settings.helloIntervalMs,
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
      intervalMs: settings.helloIntervalMs,
      hello: () => this.#hello(),
      pin: async (peer, incarnation) => persistence?.recordPin(peer, incarnation),
      heard: (peer, hello) => this.#heard(peer, hello),
      greeted: (peer, outcome) => this.#greeted(peer, outcome),
    });
  }

  readonly #trace = (event: string, details: Record<string, unknown>): void => {
    this.#settings.trace?.(event);
    this.#settings.logger.debug(event, details);
  };

  /** Begins to greet the others, and to vote once they have answered. */
  start(): void {
    this.#admission.start();
    this.greeter.start();
    this.engine.start();
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
    await this.engine.log.readBarrier(signal);
    yield* this.snapshotSource.pieces();
  }

  /** Hands the state to peers and backups. */
  get snapshotSource(): SnapshotSource {
    return this.#custody.source;
  }

  /** Whether this replica may vote, a majority was heard within two Hello intervals, and a leader if there is to be one. */
  get serving(): boolean {
    const { roster } = this;
    return (
      !this.#closing.signal.aborted &&
      this.#gate.isOpen &&
      this.engine.isReady &&
      roster.heardWithin(2 * this.#settings.helloIntervalMs) >= roster.majority
    );
  }

  status(): ReplicaStatus {
    return replicaStatus({
      roster: this.roster,
      state: this.#state,
      engine: this.#engineName,
      leader: this.engine.leader,
      log: this.engine.log,
      greeter: this.greeter,
      serving: this.serving,
      directory: this.#settings.directory,
      agreed: this.#checkpoints.agreed,
      trouble: this.#trouble(),
    });
  }

  /** Stops this replica, because what it stands on has failed. */
  readonly fail = (error: unknown): void => {
    if (this.#closing.signal.aborted) return;
    this.#settings.logger.error('this replica stops: going on could do harm', { error: String(error) });
    this.close().catch(() => undefined);
    this.#settings.failed(error);
  };

  /** Calls under way end as outcome unknown, queued ones as not executed. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.greeter.close();
    const custodyClosed = this.#custody.close();
    await this.engine.log.close();
    await this.#settings.directory?.log.close();
    await custodyClosed;
  }

  /** What keeps this replica from taking its full part, in words. */
  #trouble(): string {
    const { directory } = this.#settings;
    if (directory?.log.hasSpace === false)
      return 'the disk is full: writes are refused until there is space again';
    if (this.#custody.pulling)
      return 'has fallen behind the log of its peers, and pulls a snapshot from them';
    return this.engine.trouble || this.#admission.waitsFor;
  }

  #heard(peer: ReplicaId, hello: Hello): void {
    if (hello.reach !== undefined) this.engine.log.heardReach(peer, hello.reach);
    this.#custody.heard(peer, hello);
  }

  #greeted(peer: ReplicaId, outcome: Hello | Error): void {
    if (!(outcome instanceof Error)) this.#admission.heard(peer, outcome.pins);
    else if (isObjection(outcome)) this.#admission.refused(peer, outcome.message);
    this.#admission.greeted(peer);
  }

  #judged(verdict: CheckpointVerdict): void {
    const { slot } = verdict;
    const { logger, directory } = this.#settings;
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
    const { members, sessionParameters } = this.#settings;
    return {
      engine: this.#engineName,
      members,
      sessionParameters,
      reach: this.engine.log.reach,
      applied: this.engine.log.applied,
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

const newState = (
  { sessionParameters, members, checkpointIntervalSlots, applied }: ReplicaSettings,
  checkpoints: Checkpoints,
): KeyValueStateMachine =>
  new KeyValueStateMachine({
    sessionParameters,
    members,
    checkpoint: (slot, digest) => checkpoints.passed({ slot, digest }),
    ...(checkpointIntervalSlots === undefined ? {} : { checkpointIntervalSlots }),
    ...(applied && { applied }),
  });

/** Who the members are and what the directory, if there is one, has on record of them. */
const rosterOf = (options: ReplicaSettings): Roster => {
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
