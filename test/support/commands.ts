import fc from 'fast-check';
import { clientId, type Command, type Session, type WriteOperation } from '../../src/kv/operation.js';

export const session = (id: number, sequence: number, acknowledgedThrough = 0): Session => ({
  clientId: clientId(id),
  sequence,
  acknowledgedThrough,
});

export const writeCommand = (
  writeSession: Session,
  kind: WriteOperation['kind'],
  key: string,
  value: string,
): Command => ({ kind: 'write', session: writeSession, operation: { kind, key, value } });

const keys = fc.constantFrom('a', 'b', 'é');

/** Few sessions, sequences and keys, so that duplicates and late copies are common. */
const writes: fc.Arbitrary<Command> = fc
  .record({
    id: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 2 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 7 }) },
    ),
    through: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 6 }) },
    ),
    above: fc.integer({ min: 1, max: 4 }),
    kind: fc.constantFrom<WriteOperation['kind']>('put', 'append', 'put-hash'),
    key: keys,
    value: fc.string({ unit: 'grapheme', maxLength: 60 }),
  })
  .map(({ id, through, above, kind, key, value }) =>
    writeCommand(session(id, through + above, through), kind, key, value),
  );

/** Any command, writes mostly. */
export const commands: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: writes },
  { weight: 3, arbitrary: fc.constant<Command>({ kind: 'open-session' }) },
  {
    weight: 1,
    arbitrary: fc
      .integer({ min: 1, max: 7 })
      .map((id): Command => ({ kind: 'close-session', clientId: clientId(id) })),
  },
  { weight: 2, arbitrary: keys.map((key): Command => ({ kind: 'get', key })) },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: 'raise-version', stateVersion: 1 }) },
);

/** A log in which a part of the commands comes again later, as when a batch is decided in two slots. */
export const logsWithDuplicates: fc.Arbitrary<readonly Command[]> = fc
  .array(fc.tuple(commands, fc.option(fc.nat({ max: 5 }), { nil: undefined })), { maxLength: 120 })
  .map((entries) => {
    const log: Command[] = [{ kind: 'open-session' }, { kind: 'open-session' }];
    for (const [command, repeatedFrom] of entries) {
      log.push(command);
      const copy = repeatedFrom === undefined ? undefined : log[log.length - 1 - repeatedFrom];
      if (copy !== undefined) log.push(copy);
    }
    return log;
  });
