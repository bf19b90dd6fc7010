import { numberedChunks } from '../log/snapshot-chunks.js';
import type { PortableState } from '../log/state-machine.js';
import type { Trace } from '../log/trace.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import { checkForwarded } from './invariants.js';
import { Membership } from './membership.js';
import type {
  BackupLink,
  Forward,
  ForwardAnswer,
  Standing,
  StatePiece,
  ViewLink,
  ViewNews,
} from './messages.js';
import type { ServerAddress, ServerIncarnation } from './names.js';
import { Pinger } from './pinger.js';
import { PrimaryBackupLog, type ReplicaState } from './primary-backup-log.js';
import { pullState } from './state-pull.js';

export interface PrimaryBackupReplicaOptions<Result, State extends ReplicaState<Result> & PortableState> {
  /** How servers and clients reach this one; its name in views. */
  readonly me: ServerAddress;
  readonly incarnation: ServerIncarnation;
  readonly viewLink: ViewLink;
  /** Opens the way to another server. */
  readonly openLink: (server: ServerAddress) => BackupLink;
  /** Makes an empty state. */
  readonly newState: () => State;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pingIntervalMs: number;
  /** How long an unanswered forward is waited for at most. */
  readonly roundTimeoutMs: number;
  readonly trace: Trace;
  /** Told of a broken invariant or a failed apply, after which this replica is closed. */
  readonly fatal: (error: unknown) => void;
}

/** Refuses a pull; whoever asked tries again. */
export class PullRefused extends Error {}

/**
 * One server of primary/backup (seed 003): idle, primary or backup, as the view service has it. As the primary it orders
 * the operations and forwards them; as the backup it pulls the primary's state, and then applies what is forwarded in the
 * same view, and nothing else; idle it waits. All state is in memory: a server that restarts is empty.
 */
export class PrimaryBackupReplica<Result, State extends ReplicaState<Result> & PortableState> {
  readonly membership: Membership;
  readonly log: PrimaryBackupLog<Result>;
  readonly #options: PrimaryBackupReplicaOptions<Result, State>;
  readonly #pinger: Pinger;
  readonly #links = new Map<ServerAddress, BackupLink>();
  #state: State;
  /** Of this primary, in all its views. */
  #transfers = 0;
  #pulling: AbortController | undefined;
  #viewServiceProblem = '';
  #closed = false;

  constructor(options: PrimaryBackupReplicaOptions<Result, State>) {
    const { me, incarnation, viewLink, clock, pingIntervalMs, trace } = options;
    this.#options = options;
    this.#state = options.newState();
    this.membership = new Membership(me, incarnation);
    this.#pinger = new Pinger({
      link: viewLink,
      intervalMs: pingIntervalMs,
      clock,
      ping: () => this.membership.ping,
      heard: (news) => this.#heard(news),
      failed: (error) => this.#viewServiceFailed(error),
    });
    this.log = new PrimaryBackupLog<Result>({
      membership: this.membership,
      state: () => this.#state,
      clock,
      transfer: () => this.#transfers,
      forward: (backup, forward, callOptions) => this.#linkTo(backup).forward(forward, callOptions),
      roundTimeoutMs: options.roundTimeoutMs,
      doubtful: () => this.#pinger.ifNotJustNow(),
      fatal: (error) => this.#fail(error),
      trace,
    });
  }

  get state(): State {
    return this.#state;
  }

  /** What keeps this server from taking its full part, in words; empty if nothing does. */
  get trouble(): string {
    return this.membership.trouble || this.#viewServiceProblem;
  }

  /** Begins to ping. */
  start(): void {
    this.#pinger.soon();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#pinger.close();
    this.#pulling?.abort();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    return this.log.close();
  }

  /** The primary is about to do something, and waits for this backup. */
  handleForward(forward: Forward): ForwardAnswer {
    const verdict = this.membership.judge(forward);
    switch (this.#closed ? 'not-ready' : verdict.kind) {
      case 'takes-part':
        return this.#follow(forward);
      case 'must-pull':
        this.membership.mustPullAnew();
        this.#pullAnew();
        return { kind: 'not-ready' };
      case 'unknown-view':
        this.#pinger.ifNotJustNow();
        return { kind: 'not-ready' };
      case 'stale':
        return { kind: 'stale', viewNumber: this.membership.view.viewNumber };
      case 'not-ready':
        return { kind: 'not-ready' };
    }
  }

  /**
   * The whole state for the backup of this view, as it stands now. From now on only what a backup acknowledges that has
   * this very state is applied here, so it stays as it is until then.
   * @throws PullRefused unless this server is the primary, and the other its backup, in the view of the request
   */
  async *handlePull(standing: Standing, signal: AbortSignal): AsyncIterable<StatePiece> {
    const { part, view, viewService } = this.membership;
    if (standing.viewNumber > view.viewNumber) this.#pinger.ifNotJustNow();
    const isMine =
      part.kind === 'primary' &&
      part.backup === standing.sender &&
      viewService === standing.viewService &&
      view.viewNumber === standing.viewNumber;
    if (!isMine || this.#closed) {
      throw new PullRefused(
        `${this.#options.me} is not the primary of ${standing.sender} in view ${standing.viewNumber}`,
      );
    }
    this.#transfers += 1;
    const transfer = this.#transfers;
    for (const chunk of numberedChunks(this.#state.snapshot(), 0)) {
      if (signal.aborted) return;
      yield { chunk, transfer };
      await this.#options.clock.sleep(0);
    }
  }

  #follow({ slot, commands }: Forward): ForwardAnswer {
    try {
      const { applied } = this.#state;
      checkForwarded(applied, slot);
      if (slot > (applied ?? -1) && commands.length > 0) {
        this.#state.apply(slot, commands);
        this.#options.trace('followed', { slot, commands: commands.length });
      }
      return { kind: 'acknowledged' };
    } catch (error) {
      this.#fail(error);
      return { kind: 'not-ready' };
    }
  }

  #heard(news: ViewNews): void {
    if (this.#closed) return;
    this.#viewServiceProblem = '';
    const { viewNumber } = this.membership.view;
    const { kind } = this.membership.part;
    if (!this.membership.learn(news)) return;
    const { view, part } = this.membership;
    if (view.viewNumber !== viewNumber || part.kind !== kind) this.#partChanged();
    this.log.viewChanged();
    if (part.kind === 'primary' && !part.isAcknowledged) this.#pinger.soon();
  }

  #partChanged(): void {
    const { view, part, trouble } = this.membership;
    const { logger, trace } = this.#options;
    logger.info('view', { ...view, part: part.kind });
    trace('view', { viewNumber: view.viewNumber, part: part.kind });
    if (part.kind === 'disowned' || part.kind === 'uninitialized') logger.error(trouble, {});
    this.#pulling?.abort();
    this.#closeOldLinks();
    if (part.kind === 'backup') this.#pullAnew();
  }

  #viewServiceFailed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#viewServiceProblem === '')
      this.#options.logger.warn('the view service does not answer', { why });
    this.#viewServiceProblem =
      'the view service does not answer; this server goes on in the view that it knows';
  }

  #pullAnew(): void {
    this.#pulling?.abort();
    const pulling = new AbortController();
    this.#pulling = pulling;
    this.#pull(pulling.signal).catch((error: unknown) => this.#fail(error));
  }

  async #pull(signal: AbortSignal): Promise<void> {
    const { newState, clock, logger, trace } = this.#options;
    const { part, standing } = this.membership;
    if (part.kind !== 'backup' || standing === undefined) return;
    const link = () => this.#linkTo(part.primary);
    const pulled = await pullState({ link, standing, newState, clock, logger }, signal);
    if (pulled === undefined || signal.aborted) return;
    const { viewNumber } = standing;
    this.#state = pulled.state;
    this.membership.hasPulled(viewNumber, pulled.transfer);
    logger.info('this backup has the whole state', { viewNumber, through: pulled.state.applied ?? null });
    trace('pulled', { viewNumber, transfer: pulled.transfer });
    this.#pinger.soon();
  }

  #linkTo(server: ServerAddress): BackupLink {
    const known = this.#links.get(server);
    if (known !== undefined) return known;
    const link = this.#options.openLink(server);
    this.#links.set(server, link);
    return link;
  }

  #closeOldLinks(): void {
    const { primary, backup } = this.membership.view;
    for (const [server, link] of this.#links) {
      if (server === primary || server === backup) continue;
      link.close();
      this.#links.delete(server);
    }
  }

  #fail(error: unknown): void {
    if (this.#closed) return;
    void this.close();
    this.#options.fatal(error);
  }
}
