import { stateVersions, type SessionParameters } from '../kv/limits.js';
import type { Request, Result } from '../kv/operation.js';
import { KeyValueStateMachine } from '../kv/state-machine.js';
import type { Incarnation, ReplicaId } from '../log/ids.js';
import { Roster, type Member } from '../log/roster.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import type { PaxosLink } from '../paxos/messages.js';
import { PaxosLog } from '../paxos/paxos-log.js';
import { PaxosPeer } from '../paxos/peer.js';
import type { Clock } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import { memoryJournal } from '../storage/journal.js';
import { Greeter } from './greeter.js';
import type { Hello, HelloLink } from './hello.js';
import { KeyValueFrontend } from './key-value-frontend.js';
import type { ReplicaStatus } from './status.js';

/** The ways to one other replica. */
export type ReplicaLink = PaxosLink & HelloLink;

export interface ReplicaOptions {
  readonly members: readonly Member[];
  readonly me: ReplicaId;
  readonly clusterId: string;
  readonly incarnation: Incarnation;
  readonly sessionParameters: SessionParameters;
  /** How often peers greet each other; a majority silent for two of these ends serving. */
  readonly helloIntervalMs: number;
  /** How long an unanswered peer message is waited for. */
  readonly roundTimeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Makes the way to a peer, given who speaks. */
  readonly link: (peer: Member, roster: Roster) => ReplicaLink;
  /** Told when this replica has closed itself because going on could do harm. */
  readonly failed: (error: unknown) => void;
}

/**
 * One replica: engine, key/value state, sessions and Hello, wired together over the seams and nothing else. The
 * same replica runs over gRPC and in a world that a test makes up.
 */
export class Replica {
  readonly roster: Roster;
  readonly paxos: PaxosPeer;
  readonly greeter: Greeter;
  readonly #options: ReplicaOptions;
  readonly #state: KeyValueStateMachine;
  readonly #log: ReplicatedLog<Result>;
  readonly #frontend: KeyValueFrontend;
  readonly #closing = new AbortController();

  constructor(options: ReplicaOptions) {
    const { clock, random, logger, sessionParameters } = options;
    this.#options = options;
    this.roster = new Roster({
      ...options,
      introductions: 'required',
      refused: (message) => logger.warn('a message between replicas was refused', { why: message }),
    });
    const others = options.members.filter(({ id }) => id !== options.me);
    const links = new Map(others.map((peer) => [peer.id, options.link(peer, this.roster)]));
    const trace = (event: string, details: Record<string, unknown>) => logger.debug(event, details);
    const fatal = (error: unknown) => this.#fail(error);
    this.#state = new KeyValueStateMachine(sessionParameters);
    this.paxos = new PaxosPeer({
      roster: this.roster,
      links,
      journal: memoryJournal(),
      clock,
      random,
      roundTimeoutMs: options.roundTimeoutMs,
      trace,
      fatal,
    });
    this.#log = new PaxosLog({ peer: this.paxos, stateMachine: this.#state, clock, fatal, trace });
    this.#frontend = new KeyValueFrontend(this.#log, sessionParameters, this.#closing.signal);
    this.greeter = new Greeter({
      roster: this.roster,
      links,
      clock,
      intervalMs: options.helloIntervalMs,
      hello: () => this.#hello(),
      heardReach: (peer, reach) => this.#log.heardReach(peer, reach),
    });
  }

  /** Begins to greet the others. */
  start(): void {
    this.greeter.start();
  }

  /**
   * Answers a client.
   * @throws CallError
   */
  execute(request: Request, signal: AbortSignal): Promise<Result> {
    return this.#frontend.execute(request, signal);
  }

  /** Whether a majority was heard within two Hello intervals. */
  get serving(): boolean {
    const { roster } = this;
    return (
      !this.#closing.signal.aborted &&
      roster.heardWithin(2 * this.#options.helloIntervalMs) >= roster.majority
    );
  }

  status(): ReplicaStatus {
    const { roster } = this;
    return {
      id: roster.me,
      address: roster.addressOf(roster.me),
      engine: 'paxos',
      clusterId: roster.clusterId,
      incarnation: roster.incarnation,
      serving: this.serving,
      log: this.#log.status(),
      openSessions: this.#state.sessions.size,
      repliesBytes: this.#state.sessions.repliesBytes,
      nextClientId: this.#state.sessions.nextClientId,
      keyCount: this.#state.store.size,
      stateVersion: this.#state.stateVersion,
      peers: roster.members.map(({ id, address }) => this.#peerStatus(id, address)),
      refusals: roster.refusals,
    };
  }

  /** Calls under way end as outcome unknown, queued ones as not executed. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.greeter.close();
    await this.#log.close();
  }

  #fail(error: unknown): void {
    if (this.#closing.signal.aborted) return;
    this.#options.logger.error('this replica stops: going on could do harm', { error: String(error) });
    void this.close();
    this.#options.failed(error);
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
    };
  }

  #peerStatus(id: ReplicaId, address: string) {
    const self = id === this.roster.me;
    const peer = this.roster.peer(id);
    const hello = this.greeter.lastHello(id);
    return {
      id,
      address,
      incarnation: self ? this.roster.incarnation : peer.incarnation,
      doneThrough: this.roster.done.throughOf(id),
      reach: self ? this.#log.reach : hello?.reach,
      applied: self ? this.#log.applied : hello?.applied,
      lastHeardMsAgo: peer.heardMsAgo,
      refusal: peer.refusal,
    };
  }
}
