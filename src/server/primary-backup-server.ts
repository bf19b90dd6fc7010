import type { SessionParameters } from '../kv/limits.js';
import type { Request, Result } from '../kv/operation.js';
import { KeyValueStateMachine, type ApplyObserver } from '../kv/state-machine.js';
import type { BackupLink, ViewLink } from '../primary-backup/messages.js';
import { serverAddress, type ServerAddress, type ServerIncarnation } from '../primary-backup/names.js';
import { PrimaryBackupReplica } from '../primary-backup/replica.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { KeyValueFrontend } from './key-value-frontend.js';
import type { ServedReplica } from './served-replica.js';
import { statePieces } from './snapshot-source.js';
import type { SnapshotPiece } from './snapshot-transfer.js';
import type { ReplicaStatus, ViewStatus } from './status.js';

export interface PrimaryBackupServerOptions {
  /** Shown in its status; 0 for none. */
  readonly id: number;
  /** How servers and clients reach this one; its name in views. */
  readonly address: string;
  readonly incarnation: ServerIncarnation;
  /** Where the view service is, for the status. */
  readonly viewService: string;
  readonly viewLink: ViewLink;
  /** Opens the way to another server. */
  readonly openLink: (server: ServerAddress) => BackupLink;
  readonly sessionParameters: SessionParameters;
  readonly pingIntervalMs: number;
  /** How long an unanswered forward is waited for. */
  readonly roundTimeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly applied?: ApplyObserver;
  /** Names a moment just passed; for tests that stop the process there. */
  readonly trace?: (event: string) => void;
  /** Told when this server has closed itself because going on could do harm. */
  readonly failed: (error: unknown) => void;
}

/**
 * The key/value service on primary/backup: the same store, sessions and frontend as on every engine. It has no peers to
 * greet and nothing on disk, so it is no `Replica`; who takes part is the view service's word alone.
 */
export class PrimaryBackupServer implements ServedReplica {
  readonly replica: PrimaryBackupReplica<Result, KeyValueStateMachine>;
  readonly #options: PrimaryBackupServerOptions;
  readonly #frontend: KeyValueFrontend;
  readonly #closing = new AbortController();

  constructor(options: PrimaryBackupServerOptions) {
    const { address, sessionParameters, applied, logger } = options;
    this.#options = options;
    this.replica = new PrimaryBackupReplica<Result, KeyValueStateMachine>({
      ...options,
      me: serverAddress(address),
      newState: () => new KeyValueStateMachine({ sessionParameters, ...(applied && { applied }) }),
      trace: (event, details) => {
        options.trace?.(event);
        logger.debug(event, details);
      },
      fatal: this.fail,
    });
    this.#frontend = new KeyValueFrontend({
      log: this.replica.log,
      parameters: sessionParameters,
      read: (operation) => this.replica.state.store.get(operation),
      closing: this.#closing.signal,
    });
  }

  /** Begins to ping the view service. */
  start(): void {
    this.replica.start();
  }

  /** @throws CallError */
  execute(request: Request, signal: AbortSignal): Promise<Result> {
    return this.#frontend.execute(request, signal);
  }

  /** The whole state in pieces, no older than any write answered before this call. @throws LogError unless it is the primary */
  async *save(signal: AbortSignal): AsyncIterable<SnapshotPiece> {
    await this.replica.log.readBarrier(signal);
    yield* statePieces(this.replica.state, this.#options.clock);
  }

  /** Whether it does its part: as the primary it takes calls, as the backup it has the state, idle it knows the primary. */
  get serving(): boolean {
    const { part, view, trouble } = this.replica.membership;
    if (this.#closing.signal.aborted) return false;
    switch (part.kind) {
      case 'primary':
        return part.isAcknowledged;
      case 'backup':
        return part.transfer !== undefined;
      case 'idle':
        return view.primary !== undefined && trouble === '';
      case 'uninitialized':
      case 'disowned':
        return false;
    }
  }

  status(): ReplicaStatus {
    const { id, address, incarnation } = this.#options;
    const { state, log, membership, trouble } = this.replica;
    return {
      id,
      address,
      engine: 'primary-backup',
      clusterId: membership.viewService ?? '',
      incarnation,
      serving: this.serving,
      log: log.status(),
      leader: undefined,
      openSessions: state.sessions.size,
      repliesBytes: state.sessions.repliesBytes,
      nextClientId: state.sessions.nextClientId,
      keyCount: state.store.size,
      stateVersion: state.stateVersion,
      peers: [],
      refusals: new Map(),
      storage: undefined,
      agreedCheckpoint: undefined,
      trouble,
      digest: Buffer.from(state.digest()).toString('hex'),
      view: this.#view(),
    };
  }

  /** Stops this server, because what it stands on has failed. */
  readonly fail = (error: unknown): void => {
    if (this.#closing.signal.aborted) return;
    this.#options.logger.error('this server stops: going on could do harm', { error: String(error) });
    this.close().catch(() => undefined);
    this.#options.failed(error);
  };

  /** Calls under way end as outcome unknown, queued ones as not executed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.replica.close();
  }

  #view(): ViewStatus {
    const { view, part, isAcknowledged } = this.replica.membership;
    return {
      viewService: this.#options.viewService,
      ...view,
      isAcknowledged,
      role: roleText(part),
    };
  }
}

function roleText(part: PrimaryBackupReplica<unknown, KeyValueStateMachine>['membership']['part']): string {
  if (part.kind === 'backup' && part.transfer === undefined) return 'backup (no state)';
  return part.kind;
}
