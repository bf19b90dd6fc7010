import type { Result } from '../kv/operation.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import type { Roster } from '../log/roster.js';
import type { StateMachine } from '../log/state-machine.js';
import type { Trace } from '../log/trace.js';
import type { VotingGate } from '../log/voting-gate.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import type { Journal } from '../storage/journal.js';
import type { LogRecord } from '../storage/log-record.js';
import type { RecoveredLog } from '../storage/write-ahead-log.js';

/** Engines whose replicas vote, and keep what they voted. */
export type EngineName = 'paxos' | 'omnipaxos';

/** Everything a cluster can run on; primary/backup does not vote, and shares no seam with those that do. */
export type AnyEngineName = EngineName | 'primary-backup';

/** Whom a replica of an engine with leaders follows. */
export interface LeaderStatus {
  /** Undefined while it follows nobody. */
  readonly replica: ReplicaId | undefined;
  /** Under which it leads; empty if there is none. */
  readonly ballot: string;
  /** What this replica does under it, in the engine's own words. */
  readonly phase: string;
  /** Heartbeats that came after their round, since the start. */
  readonly lateHeartbeats: number;
  /** The longest that this process came too late to a timer. */
  readonly longestStallMs: number;
}

/** One engine at work in one replica. Closing its log closes it. */
export interface Engine {
  readonly log: ReplicatedLog<Result>;
  /** Undefined if this engine has no leaders. */
  readonly leader: LeaderStatus | undefined;
  /** Whether it takes a client's call, or knows who does. */
  readonly isReady: boolean;
  /** What keeps it from voting, in words; empty if nothing does. */
  readonly trouble: string;
  /** Applies what was recovered; before the replica speaks. */
  replay(): Promise<void>;
  /** Begins to take part; after the replica has begun to greet. */
  start(): void;
  /**
   * What must be said again, and synced, before the segments that said it go (rule R5); undefined while none may go.
   * Asked in the turn in which it is appended.
   */
  liveRecords(): readonly LogRecord[] | undefined;
}

/** What an engine goes on from after a restart. */
export interface RecoveredEngine {
  /** State through this slot cannot be rebuilt from this disk and must be pulled from a peer; undefined if it can. */
  readonly missingThrough: Slot | undefined;
}

/** What a replica hands to its engine. */
export interface EngineOptions<Link, Recovered> {
  readonly roster: Roster;
  /** A way to each other member. */
  readonly links: ReadonlyMap<ReplicaId, Link>;
  /** Where its records go; in memory, one that keeps nothing. */
  readonly journal: Journal<LogRecord>;
  /** Undefined in memory. */
  readonly recovered: Recovered | undefined;
  /** The last slot that the state machine covers already, from a snapshot; undefined: none. */
  readonly loadedThrough: Slot | undefined;
  readonly stateMachine: StateMachine<Result>;
  /** Closed while this replica may not vote. */
  readonly gate: VotingGate;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an unanswered peer message is waited for. */
  readonly roundTimeoutMs: number;
  /** How long an engine with leaders waits before it misses one. */
  readonly electionTimeoutMs: number;
  /** Told of a peer that no longer holds what is missing here: its lowest slot is `floor`, and a snapshot is needed. */
  readonly behind: (peer: ReplicaId, floor: Slot) => void;
  readonly trace: Trace;
  /** Told of a broken invariant, a failed journal or a failed apply, after which the engine is closed. */
  readonly fatal: (error: unknown) => void;
}

/**
 * A kind of engine: all that a replica must know to run on it.
 *
 * `Link` is the way to one peer for its messages, `Recovered` what it goes on from, `Opened` what a replica holds of it.
 */
export interface EngineKind<Link extends object, Recovered extends RecoveredEngine, Opened extends Engine> {
  readonly name: EngineName;
  /**
   * Works out what to go on from.
   * @param coveredThrough the last slot that a durable snapshot of one's own covers
   * @throws Error if the log has records that this engine does not write
   */
  recover(
    log: Pick<RecoveredLog, 'records' | 'hardState' | 'damage'>,
    coveredThrough: Slot | undefined,
  ): Recovered;
  /** Makes an engine that is silent until it is started or asked. */
  open(options: EngineOptions<Link, Recovered>): Opened;
}
