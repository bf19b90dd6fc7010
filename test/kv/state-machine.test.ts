import { expect } from 'chai';
import fc from 'fast-check';
import { encodeCommand, UnknownCommand } from '../../src/kv/command.js';
import { defaultSessionParameters, valueLimitBytes } from '../../src/kv/limits.js';
import type { Command, Result } from '../../src/kv/operation.js';
import { KeyValueStateMachine, UnsupportedVersion } from '../../src/kv/state-machine.js';
import { logsWithDuplicates, session, writeCommand } from '../support/commands.js';
import { smallParameters } from '../support/key-value-states.js';
import { NaiveState } from '../support/naive-state.js';
import { thrown } from '../support/rejection.js';

/** Applies a log with so many commands in a slot; answers the results in order. */
const applyAll = (
  machine: KeyValueStateMachine,
  log: readonly Command[],
  commandsPerSlot: number,
): Result[] => {
  const results: Result[] = [];
  for (let first = 0, slot = 0; first < log.length; first += commandsPerSlot, slot += 1) {
    const batch = log.slice(first, first + commandsPerSlot).map(encodeCommand);
    results.push(...machine.apply(slot, batch));
  }
  return results;
};

const applyOne = (machine: KeyValueStateMachine, slot: number, command: Command): Result => {
  const [result] = machine.apply(slot, [encodeCommand(command)]);
  if (result === undefined) throw new Error('a command was not answered');
  return result;
};

/** The twin's refusals have no text. */
const withoutDetail = (result: object): object => ({ ...result, detail: undefined });

const summaryOf = ({ sessions, store, stateVersion }: KeyValueStateMachine) => ({
  sessions: sessions.size,
  repliesBytes: sessions.repliesBytes,
  nextClientId: sessions.nextClientId,
  keys: store.size,
  stateVersion,
});

/** What a result says, in one word. */
const outcomeOf = (result: Result): string => (result.kind === 'refused' ? result.refusal : result.kind);

describe('the key/value state machine', () => {
  it('is tried with logs that meet every case of the rule', () => {
    const met = new Set<string>();
    for (const log of fc.sample(logsWithDuplicates, { numRuns: 300, seed: 1 })) {
      const machine = new KeyValueStateMachine({ sessionParameters: smallParameters });
      for (const result of applyAll(machine, log, 1)) met.add(outcomeOf(result));
    }
    expect([...met]).to.include.members([
      'never-issued',
      'expired',
      'already-acknowledged',
      'replies-full',
      'put-hash',
      'session-opened',
    ]);
  });

  it('answers every log, duplicates included, as a naive twin does', () => {
    fc.assert(
      fc.property(logsWithDuplicates, (log) => {
        const machine = new KeyValueStateMachine({ sessionParameters: smallParameters });
        const twin = new NaiveState(smallParameters);
        const results = applyAll(machine, log, 1);
        const expected = log.map((command) => twin.apply(command));
        expect(results.map(withoutDetail)).to.deep.equal(expected.map(withoutDetail));
        expect(summaryOf(machine)).to.deep.equal({
          sessions: twin.sessions.length,
          repliesBytes: twin.repliesBytes,
          nextClientId: twin.issued + 1,
          keys: twin.values.size,
          stateVersion: 1,
        });
        for (const [key, value] of twin.values) {
          expect(machine.store.get({ kind: 'get', key })).to.deep.equal({ kind: 'get', value, found: true });
        }
      }),
      { numRuns: 500 },
    );
  });

  it('comes to the same state from the same log, however that is cut into slots', () => {
    fc.assert(
      fc.property(logsWithDuplicates, fc.integer({ min: 1, max: 10 }), (log, commandsPerSlot) => {
        const [one, other] = [smallParameters, smallParameters].map(
          (sessionParameters) => new KeyValueStateMachine({ sessionParameters }),
        );
        expect(applyAll(one!, log, 1)).to.deep.equal(applyAll(other!, log, commandsPerSlot));
        expect(summaryOf(one!)).to.deep.equal(summaryOf(other!));
      }),
    );
  });

  it('runs one write that stands at two slots once, and answers both alike', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    applyOne(machine, 0, { kind: 'open-session' });
    const append = writeCommand(session(1, 1), 'append', 'k', 'x');
    const putHash = writeCommand(session(1, 2), 'put-hash', 'h', 'x');
    const answers = [append, putHash, append, putHash].map((command, index) =>
      applyOne(machine, 1 + index, command),
    );
    expect(answers.slice(2)).to.deep.equal(answers.slice(0, 2));
    expect(answers[1]).to.deep.equal({ kind: 'put-hash', previousValue: '' });
    expect(machine.store.get({ kind: 'get', key: 'k' })).to.have.property('value', 'x');
  });

  it('keeps to a refusal for size, although a copy would fit later', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    applyOne(machine, 0, { kind: 'open-session' });
    applyOne(machine, 1, writeCommand(session(1, 1), 'put', 'k', 'v'.repeat(valueLimitBytes)));
    const append = writeCommand(session(1, 2), 'append', 'k', 'x');
    const refusal = applyOne(machine, 2, append);
    expect(refusal).to.include({ kind: 'refused', refusal: 'value-limit' });
    applyOne(machine, 3, writeCommand(session(1, 3), 'put', 'k', ''));
    expect(applyOne(machine, 4, append)).to.deep.equal(refusal);
    expect(machine.store.get({ kind: 'get', key: 'k' })).to.have.property('value', '');
  });

  it('changes nothing for a session that was never issued or has ended', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    applyOne(machine, 0, { kind: 'open-session' });
    applyOne(machine, 1, { kind: 'close-session', clientId: session(1, 1).clientId });
    for (const [slot, id] of [
      [2, 1],
      [3, 2],
    ] as const) {
      applyOne(machine, slot, writeCommand(session(id, 1), 'put', 'k', 'v'));
    }
    expect(machine.store.size).to.equal(0);
  });

  it('answers a Get that stands at two slots afresh', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    applyOne(machine, 0, { kind: 'open-session' });
    expect(applyOne(machine, 1, { kind: 'get', key: 'k' })).to.have.property('found', false);
    applyOne(machine, 2, writeCommand(session(1, 1), 'put', 'k', 'v'));
    expect(applyOne(machine, 3, { kind: 'get', key: 'k' })).to.have.property('value', 'v');
  });

  it('takes slots in order only, and no-ops among them', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    expect(() => machine.apply(1, [])).to.throw('slot 1 came to apply; 0 is next');
    expect(machine.apply(0, [])).to.deep.equal([]);
    expect(() => machine.apply(0, [])).to.throw('slot 0 came to apply; 1 is next');
    expect(() => machine.apply(2, [])).to.throw('slot 2 came to apply; 1 is next');
    expect(machine.apply(1, [])).to.deep.equal([]);
  });

  it('stops at a command of a kind it does not know', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    const unknownKind = Uint8Array.from([0x7a, 0x00]);
    thrown(() => machine.apply(0, [unknownKind]), UnknownCommand);
  });

  it('stops at a state version it cannot apply, and takes one it can', () => {
    const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
    expect(applyOne(machine, 0, { kind: 'raise-version', stateVersion: 1 })).to.deep.equal({
      kind: 'version-raised',
      stateVersion: 1,
    });
    const { message } = thrown(
      () => applyOne(machine, 1, { kind: 'raise-version', stateVersion: 2 }),
      UnsupportedVersion,
    );
    expect(message).to.include('state version 2').and.to.include('up to 1');
  });
});
