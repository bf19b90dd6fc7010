import type { Slot } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import type { PortableState, StateMachine, StateSnapshot } from '../log/state-machine.js';
import { CheckpointSchedule } from './checkpoint-schedule.js';
import { decodeCommand } from './command.js';
import { digestOf } from './digest.js';
import { stateVersions, type SessionParameters } from './limits.js';
import type { Command, Result, Session, WriteOperation } from './operation.js';
import { Sessions } from './sessions.js';
import { StateBuilder } from './snapshot-builder.js';
import { snapshotOf } from './snapshot.js';
import { Store } from './store.js';

/** A RaiseVersion to a version this software cannot apply; it was proposed against rule R14. */
export class UnsupportedVersion extends Error {
  constructor(version: number) {
    super(`the log asks for state version ${version}; this version applies up to ${stateVersions.maximum}`);
    this.name = 'UnsupportedVersion';
  }
}

/** Told of a slot that was applied, and of what each command in it came to; for whoever looks on, as the simulator does. */
export type ApplyObserver = (slot: Slot, commands: readonly Uint8Array[], results: readonly Result[]) => void;

export interface KeyValueStateOptions {
  readonly sessionParameters: SessionParameters;
  /** The members in force; written into snapshots. */
  readonly members?: readonly Member[];
  /** Told the digest after each slot that a checkpoint follows. */
  readonly checkpoint?: (slot: Slot, digest: Uint8Array) => void;
  readonly checkpointIntervalSlots?: number;
  readonly applied?: ApplyObserver;
}

/**
 * The replicated state: store, sessions and state version. Deterministic, and changed by `apply` and by the install
 * of a snapshot alone.
 */
export class KeyValueStateMachine implements StateMachine<Result>, PortableState {
  readonly #options: KeyValueStateOptions;
  readonly #schedule: CheckpointSchedule;
  #store = new Store();
  #sessions: Sessions;
  #stateVersion: number = stateVersions.initial;
  #applied: Slot | undefined;

  constructor(options: KeyValueStateOptions) {
    this.#options = options;
    this.#schedule = new CheckpointSchedule(options.checkpointIntervalSlots);
    this.#sessions = new Sessions(options.sessionParameters);
  }

  get store(): Store {
    return this.#store;
  }

  get sessions(): Sessions {
    return this.#sessions;
  }

  get stateVersion(): number {
    return this.#stateVersion;
  }

  /** The last slot applied or covered by the snapshot installed; undefined before any. */
  get applied(): Slot | undefined {
    return this.#applied;
  }

  /** Over store, sessions, counters and state version; equal for equal states (rule R13). */
  digest(): Uint8Array {
    return digestOf(this);
  }

  /** @throws UnknownCommand, UnsupportedVersion: the replica must stop, since skipping would fork the state */
  apply(slot: Slot, commands: readonly Uint8Array[]): Result[] {
    const expected = (this.#applied ?? -1) + 1;
    if (slot !== expected) throw new Error(`slot ${slot} came to apply; ${expected} is next`);
    this.#applied = slot;
    const results = commands.map((bytes) => this.#run(decodeCommand(bytes)));
    this.#options.applied?.(slot, commands, results);
    if (this.#schedule.isDueAfter(slot, commands)) this.#options.checkpoint?.(slot, this.digest());
    return results;
  }

  recorded(command: Uint8Array): Result | undefined {
    const decoded = decodeCommand(command);
    return decoded.kind === 'write' ? this.#sessions.recorded(decoded.session) : undefined;
  }

  snapshot(): StateSnapshot {
    const { sessionParameters, members = [] } = this.#options;
    return snapshotOf({
      through: this.#applied,
      stateVersion: this.#stateVersion,
      members,
      sessionParameters,
      store: this.#store.view(),
      sessions: this.#sessions.view(),
    });
  }

  builder(): StateBuilder {
    return new StateBuilder(this.#options.sessionParameters, ({ store, sessions, stateVersion, through }) => {
      if (this.#applied !== undefined && (through === undefined || through < this.#applied)) {
        throw new Error(`a snapshot through ${through ?? 'nothing'} cannot follow slot ${this.#applied}`);
      }
      this.#store = store;
      this.#sessions = sessions;
      this.#stateVersion = stateVersion;
      this.#applied = through;
      this.#schedule.restart();
    });
  }

  /**
   * Ends every session and keeps all else, the counter of ids and the last slot among it: for a state that a new
   * cluster begins with (rule R11), never for one that follows a log.
   */
  dropSessions(): void {
    this.#sessions = this.#sessions.emptied();
  }

  #run(command: Command): Result {
    switch (command.kind) {
      case 'get':
        return this.#store.get(command);
      case 'write':
        return this.#write(command.session, command.operation);
      case 'open-session':
        return { kind: 'session-opened', clientId: this.#sessions.open() };
      case 'close-session':
        this.#sessions.close(command.clientId);
        return { kind: 'session-closed' };
      case 'raise-version':
        return this.#raiseVersion(command.stateVersion);
    }
  }

  #write(session: Session, operation: WriteOperation): Result {
    const judgement = this.#sessions.judge(session);
    switch (judgement.kind) {
      case 'refused':
        return judgement;
      case 'recorded':
        return judgement.result;
      case 'run': {
        // PutHash answers the value it found, which the store has measured.
        const before = operation.kind === 'put-hash' ? this.#store.valueOf(operation.key) : undefined;
        const result = this.#store.write(operation);
        this.#sessions.record(session, result, before);
        return result;
      }
    }
  }

  #raiseVersion(version: number): Result {
    if (version > stateVersions.maximum) throw new UnsupportedVersion(version);
    this.#stateVersion = Math.max(this.#stateVersion, version);
    return { kind: 'version-raised', stateVersion: this.#stateVersion };
  }
}
