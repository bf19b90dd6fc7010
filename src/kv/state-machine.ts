import type { Slot } from '../log/ids.js';
import type { StateMachine } from '../log/replicated-log.js';
import { decodeCommand } from './command.js';
import { stateVersions, type SessionParameters } from './limits.js';
import type { Command, Result, Session, WriteOperation } from './operation.js';
import { Sessions } from './sessions.js';
import { Store } from './store.js';

/** A RaiseVersion to a version this software cannot apply; it was proposed against rule R14. */
export class UnsupportedVersion extends Error {
  constructor(version: number) {
    super(`the log asks for state version ${version}; this version applies up to ${stateVersions.maximum}`);
    this.name = 'UnsupportedVersion';
  }
}

/**
 * The replicated state: store, sessions and state version. Deterministic, and changed by `apply` alone.
 */
export class KeyValueStateMachine implements StateMachine<Result> {
  readonly store = new Store();
  readonly sessions: Sessions;
  #stateVersion: number = stateVersions.initial;
  #applied: Slot | undefined;

  constructor(parameters: SessionParameters) {
    this.sessions = new Sessions(parameters);
  }

  get stateVersion(): number {
    return this.#stateVersion;
  }

  /** @throws UnknownCommand, UnsupportedVersion: the replica must stop, since skipping would fork the state */
  apply(slot: Slot, commands: readonly Uint8Array[]): Result[] {
    const expected = (this.#applied ?? -1) + 1;
    if (slot !== expected) throw new Error(`slot ${slot} came to apply; ${expected} is next`);
    this.#applied = slot;
    return commands.map((bytes) => this.#run(decodeCommand(bytes)));
  }

  #run(command: Command): Result {
    switch (command.kind) {
      case 'get':
        return this.store.get(command);
      case 'write':
        return this.#write(command.session, command.operation);
      case 'open-session':
        return { kind: 'session-opened', clientId: this.sessions.open() };
      case 'close-session':
        this.sessions.close(command.clientId);
        return { kind: 'session-closed' };
      case 'raise-version':
        return this.#raiseVersion(command.stateVersion);
    }
  }

  #write(session: Session, operation: WriteOperation): Result {
    const judgement = this.sessions.judge(session);
    switch (judgement.kind) {
      case 'refused':
        return judgement;
      case 'recorded':
        return judgement.result;
      case 'run': {
        const result = this.store.write(operation);
        this.sessions.record(session, result);
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
