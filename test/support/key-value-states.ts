import { encodeCommand } from '../../src/kv/command.js';
import type { SessionParameters } from '../../src/kv/limits.js';
import type { Command, Result } from '../../src/kv/operation.js';
import { KeyValueStateMachine, type KeyValueStateOptions } from '../../src/kv/state-machine.js';

/** So small that every bound is met in a short log. */
export const smallParameters: SessionParameters = {
  sessionLimit: 3,
  repliesLimitBytes: 500,
  sessionRepliesLimitBytes: 100,
  sequenceWindow: 4,
};

export const smallMachine = (options: Partial<KeyValueStateOptions> = {}): KeyValueStateMachine =>
  new KeyValueStateMachine({ sessionParameters: smallParameters, ...options });

/** Applies one command in the next slot. */
export const applyNext = (machine: KeyValueStateMachine, command: Command): Result => {
  const [result] = machine.apply((machine.applied ?? -1) + 1, [encodeCommand(command)]);
  if (result === undefined) throw new Error('a command was not answered');
  return result;
};

/** Applies each command in a slot of its own. */
export const applyEach = (machine: KeyValueStateMachine, log: readonly Command[]): Result[] =>
  log.map((command) => applyNext(machine, command));

export const digestHex = (machine: KeyValueStateMachine): string =>
  Buffer.from(machine.digest()).toString('hex');

export const piecesOf = (machine: KeyValueStateMachine): Uint8Array[] => [...machine.snapshot().chunks()];

/** Takes all the pieces in and puts them in the place of the machine's state. */
export const install = (
  machine: KeyValueStateMachine,
  pieces: Iterable<Uint8Array>,
): KeyValueStateMachine => {
  const builder = machine.builder();
  for (const piece of pieces) builder.take(piece);
  builder.finish();
  builder.install();
  return machine;
};
