import { expect } from 'chai';
import fc from 'fast-check';
import { decodeCommand, encodeCommand, UnknownCommand } from '../../src/kv/command.js';
import { clientId, type Command } from '../../src/kv/operation.js';
import { commands, session, writeCommand } from '../support/commands.js';
import { thrown } from '../support/rejection.js';

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** What stands in logs and must be read for ever. */
const written: readonly (readonly [command: Command, hex: string])[] = [
  [writeCommand(session(1, 3, 2), 'put', 'k', 'v'), '0a060801100318021a060a016b120176'],
  [writeCommand(session(1, 3, 2), 'append', 'k', 'v'), '0a0608011003180222060a016b120176'],
  [writeCommand(session(300, 1), 'put-hash', 'é', ''), '0a0508ac0210012a040a02c3a9'],
  [{ kind: 'get', key: 'k' }, '12030a016b'],
  [{ kind: 'open-session' }, '3200'],
  [{ kind: 'close-session', clientId: clientId(7) }, '3a020807'],
  [{ kind: 'raise-version', stateVersion: 1 }, '42020801'],
];

describe('a command in the log', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(commands, (command) => {
        expect(decodeCommand(encodeCommand(command))).to.deep.equal(command);
      }),
    );
  });

  it('has bytes that do not change from version to version', () => {
    for (const [command, hex] of written) {
      expect(Buffer.from(encodeCommand(command)).toString('hex'), command.kind).to.equal(hex);
      expect(decodeCommand(bytesOf(hex))).to.deep.equal(command);
    }
  });

  it('of an unknown kind is an error of its own', () => {
    const unknownField = '7a00';
    const sessionOnly = '0a0408011003';
    for (const hex of ['', unknownField, sessionOnly, sessionOnly + unknownField]) {
      thrown(() => decodeCommand(bytesOf(hex)), UnknownCommand);
    }
  });

  it('that writes has a session with a possible id', () => {
    expect(() => decodeCommand(bytesOf('1a060a016b120176'))).to.throw('without a session');
    expect(() => decodeCommand(bytesOf('0a0210011a060a016b120176'))).to.throw(RangeError, 'client_id 0');
    expect(() => decodeCommand(bytesOf('3a00'))).to.throw(RangeError, 'client_id 0');
  });

  it('that was cut short is an error', () => {
    expect(() => decodeCommand(bytesOf('12030a01'))).to.throw(Error);
  });
});
