import { Command as CommandMessage, type Command as Message } from '../../gen/synod/kv/v1/command.js';
import type { Session as SessionMessage } from '../../gen/synod/kv/v1/kv.js';
import { clientId, type Command, type Session, type WriteOperation } from './operation.js';

const writeKind = ({ kind, key, value }: WriteOperation): Message['kind'] => {
  switch (kind) {
    case 'put':
      return { $case: 'put', value: { key, value } };
    case 'append':
      return { $case: 'append', value: { key, value } };
    case 'put-hash':
      return { $case: 'putHash', value: { key, value } };
  }
};

const messageOf = (command: Command): Message => {
  switch (command.kind) {
    case 'get':
      return { session: undefined, kind: { $case: 'get', value: { key: command.key } } };
    case 'write':
      return { session: { ...command.session }, kind: writeKind(command.operation) };
    case 'open-session':
      return { session: undefined, kind: { $case: 'openSession', value: {} } };
    case 'close-session':
      return { session: undefined, kind: { $case: 'closeSession', value: { clientId: command.clientId } } };
    case 'raise-version':
      return {
        session: undefined,
        kind: { $case: 'raiseVersion', value: { stateVersion: command.stateVersion } },
      };
  }
};

/** The bytes of one log entry. */
export const encodeCommand = (command: Command): Uint8Array =>
  CommandMessage.encode(messageOf(command)).finish();

/** A log entry of a kind this software does not know. Skipping it would fork the state (rule R14). */
export class UnknownCommand extends Error {
  constructor() {
    super(
      'the log holds a command of a kind unknown to this version; run a version that every member supports',
    );
    this.name = 'UnknownCommand';
  }
}

const sessionOf = (message: SessionMessage | undefined): Session => {
  if (message === undefined) throw new Error('the log holds a write without a session');
  return { ...message, clientId: clientId(message.clientId) };
};

/** @throws UnknownCommand, or Error if the bytes are no command */
export function decodeCommand(bytes: Uint8Array): Command {
  const { session, kind } = CommandMessage.decode(bytes);
  const write = (operation: WriteOperation): Command => ({
    kind: 'write',
    session: sessionOf(session),
    operation,
  });
  switch (kind?.$case) {
    case 'get':
      return { kind: 'get', key: kind.value.key };
    case 'put':
      return write({ kind: 'put', ...kind.value });
    case 'append':
      return write({ kind: 'append', ...kind.value });
    case 'putHash':
      return write({ kind: 'put-hash', ...kind.value });
    case 'openSession':
      return { kind: 'open-session' };
    case 'closeSession':
      return { kind: 'close-session', clientId: clientId(kind.value.clientId) };
    case 'raiseVersion':
      return { kind: 'raise-version', stateVersion: kind.value.stateVersion };
    case undefined:
      throw new UnknownCommand();
  }
}
