import type { SessionParameters } from '../kv/limits.js';
import type { ApplyObserver } from '../kv/state-machine.js';
import type { Incarnation, ReplicaId } from '../log/ids.js';
import type { Member, Roster } from '../log/roster.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import type { DataDirectory } from './data-directory.js';
import type { Engine, EngineKind, RecoveredEngine } from './engine.js';
import type { HelloLink } from './hello.js';
import type { LogLimits } from './snapshot-keeper.js';
import type { SnapshotLink } from './snapshot-transfer.js';

/** The ways to one other replica that every engine needs. */
export type CommonLink = HelloLink & SnapshotLink;

/** All ways to one other replica: these, and what the engine's messages take. */
export type ReplicaLink<Link> = Link & CommonLink;

/** How reads are made linearizable: by asking a majority how far it has come, or by a command in the log. */
export type ReadPath = 'barrier' | 'log';

/** What makes a replica, whatever its engine. */
export interface ReplicaSettings {
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
  /** How long an engine with leaders waits before it misses one. */
  readonly electionTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly applied?: ApplyObserver;
  /** Names a moment just passed; for tests that stop the process there. */
  readonly trace?: (event: string) => void;
  /** Told when this replica has closed itself because going on could do harm. */
  readonly failed: (error: unknown) => void;
}

/** A replica of one kind of engine. */
export interface ReplicaOptions<
  Link extends object,
  Recovered extends RecoveredEngine,
  Opened extends Engine,
> extends ReplicaSettings {
  readonly engine: EngineKind<Link, Recovered, Opened>;
  /** Makes the ways to a peer, given who speaks. */
  readonly link: (peer: Member, roster: Roster) => ReplicaLink<Link>;
}
