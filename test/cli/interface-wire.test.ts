import { readFileSync } from 'node:fs';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import {
  frameLimitBytes,
  frameLimitOperations,
  keyLimitBytes,
  valueLimitBytes,
} from '../../src/kv/limits.js';
import { LogError } from '../../src/log/errors.js';
import { CallError, toCallError, type CallReason } from '../../src/rpc/call-error.js';
import { toStatusObject } from '../../src/rpc/status-wire.js';
import { invalidArgument, logCallError, refusalError } from '../../src/server/call-errors.js';
import { quoted, section, table } from './interface-page.js';

/** Every reason there is: the compiler holds this list to the type. */
const reasons: Readonly<Record<CallReason, true>> = {
  BAD_REQUEST: true,
  SESSION_NEVER_ISSUED: true,
  SEQUENCE_OUTSIDE_WINDOW: true,
  SESSION_EXPIRED: true,
  ALREADY_ACKNOWLEDGED: true,
  VALUE_LIMIT: true,
  NOT_PROPOSED: true,
  OUTCOME_UNKNOWN: true,
  QUEUE_FULL: true,
  REPLIES_FULL: true,
  PEER_REFUSED: true,
  CHANGED_INCARNATION: true,
  DISK_FULL: true,
  UNKNOWN: true,
};

const pairOf = (error: unknown): string => {
  const { code, reason } = toCallError(error);
  return `${code} ${reason}`;
};

/** What clients are told, each as code and reason. */
const told = [
  invalidArgument('BAD_REQUEST', ''),
  invalidArgument('SEQUENCE_OUTSIDE_WINDOW', ''),
  ...(['value-limit', 'never-issued', 'expired', 'already-acknowledged', 'replies-full'] as const).map(
    (refusal) => refusalError(refusal, ''),
  ),
  ...(
    [
      { kind: 'not-leader', hint: undefined },
      { kind: 'refused', reason: 'queue-full', detail: '' },
      { kind: 'refused', reason: 'no-space', detail: '' },
      { kind: 'closed' },
      { kind: 'abandoned' },
      { kind: 'outcome-unknown', stage: 'proposed' },
    ] as const
  ).map((failure) => logCallError(new LogError(failure))),
  new Error('a fault'),
];

describe('docs/interface.md and the wire', () => {
  it('have the same services and methods', () => {
    const descriptors = readFileSync(new URL('../../descriptors.binpb', import.meta.url));
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
    const actual = [...registry]
      .filter((type) => type.kind === 'service')
      .map(({ typeName, methods }) => [
        typeName,
        methods
          .map(({ name }) => name)
          .sort()
          .join(),
      ]);
    const documented = table('## gRPC', 'Service', 'Methods').map(([service, methods]) => [
      quoted(service!)[0],
      quoted(methods!).sort().join(),
    ]);
    expect(Object.fromEntries(documented)).to.deep.equal(Object.fromEntries(actual));
  });

  it('have the same codes and reasons', () => {
    const documented = table('## gRPC', 'Code', 'Reason', 'Meaning').map(
      ([code, reason]) => `${quoted(code!)[0]} ${quoted(reason!)[0]}`,
    );
    const betweenReplicas = ['FAILED_PRECONDITION PEER_REFUSED', 'FAILED_PRECONDITION CHANGED_INCARNATION'];
    expect(new Set(documented)).to.deep.equal(new Set([...told.map(pairOf), ...betweenReplicas]));
    expect(new Set(documented.map((pair) => pair.split(' ')[1]))).to.deep.equal(
      new Set(Object.keys(reasons)),
    );
  });

  it('have the same trailers', () => {
    const details = { code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', message: '' } as const;
    const { metadata } = toStatusObject(new CallError({ ...details, retryAfterMs: 1, leader: 'a:1' }));
    const names = Object.keys(metadata.getMap());
    const documented = table('## gRPC', 'Trailer', 'Meaning').map(([trailer]) => quoted(trailer!)[0]);
    expect(names.filter((name) => name.startsWith('synod-')).sort()).to.deep.equal(documented.sort());
    for (const name of names) expect(section('## gRPC')).to.contain(`\`${name}\``);
  });

  it('have the same limits', () => {
    const text = section('## gRPC').replaceAll(/\s+/g, ' ');
    const english = (value: number): string => value.toLocaleString('en');
    expect(text).to.contain(
      `Keys are 1 to ${english(keyLimitBytes)} bytes of UTF-8, values 0 to ${english(valueLimitBytes)}`,
    );
    expect(text).to.contain(
      `at most ${english(frameLimitOperations)} operations and ${english(frameLimitBytes)} bytes`,
    );
  });
});
