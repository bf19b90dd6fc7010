import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import fc from 'fast-check';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { CallError, toCallError, type CallCode, type CallReason } from '../../src/rpc/call-error.js';
import { fromServiceError, toRpcStatus, toStatusObject } from '../../src/rpc/status-wire.js';

const codes: readonly CallCode[] = [
  'CANCELLED',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'UNKNOWN',
];
const reasons: readonly CallReason[] = [
  'BAD_REQUEST',
  'SESSION_NEVER_ISSUED',
  'SEQUENCE_OUTSIDE_WINDOW',
  'SESSION_EXPIRED',
  'ALREADY_ACKNOWLEDGED',
  'VALUE_LIMIT',
  'NOT_PROPOSED',
  'OUTCOME_UNKNOWN',
  'QUEUE_FULL',
  'REPLIES_FULL',
  'PEER_REFUSED',
  'UNKNOWN',
];

const received = (parts: Partial<ServiceError>): ServiceError =>
  Object.assign(new Error('received'), {
    code: status.UNKNOWN,
    details: '',
    metadata: new Metadata(),
    ...parts,
  });

const partsOf = ({ code, reason, message, retryAfterMs, leader }: CallError) => ({
  code,
  reason,
  message,
  retryAfterMs,
  leader,
});

describe('an error on the wire', () => {
  it('comes back as it went, with code, reason and trailers', () => {
    const details = fc.record({
      code: fc.constantFrom(...codes),
      reason: fc.constantFrom(...reasons),
      message: fc.string({ unit: 'binary' }),
      retryAfterMs: fc.option(fc.nat(), { nil: undefined }),
      leader: fc.option(fc.constantFrom('127.0.0.1:8001', '[::1]:8001'), { nil: undefined }),
    });
    fc.assert(
      fc.property(details, ({ retryAfterMs, leader, ...rest }) => {
        const error = new CallError({
          ...rest,
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          ...(leader === undefined ? {} : { leader }),
        });
        expect(partsOf(fromServiceError(received(toStatusObject(error))))).to.deep.equal(partsOf(error));
      }),
    );
  });

  it('tells any client its reason and trailers as google.rpc.ErrorInfo', () => {
    const error = new CallError({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'QUEUE_FULL',
      message: 'too much waits',
      retryAfterMs: 250,
      leader: '127.0.0.1:8002',
    });
    const { code, message, details } = Status.decode(Status.encode(toRpcStatus(error)).finish());
    expect({ code, message }).to.deep.equal({ code: status.RESOURCE_EXHAUSTED, message: 'too much waits' });
    expect(details.map(({ typeUrl }) => typeUrl)).to.deep.equal(['type.googleapis.com/google.rpc.ErrorInfo']);
    expect(ErrorInfo.decode(details[0]!.value)).to.deep.equal({
      reason: 'QUEUE_FULL',
      domain: 'synod',
      metadata: new Map([
        ['synod-retry-after-ms', '250'],
        ['synod-leader', '127.0.0.1:8002'],
      ]),
    });
  });

  it('has reason UNKNOWN when it comes from elsewhere', () => {
    const error = fromServiceError(received({ code: status.UNAVAILABLE, details: 'no connection' }));
    expect(partsOf(error)).to.deep.equal({
      code: 'UNAVAILABLE',
      reason: 'UNKNOWN',
      message: 'no connection',
      retryAfterMs: undefined,
      leader: undefined,
    });
  });

  it('has code UNKNOWN when its code is none of ours', () => {
    expect(fromServiceError(received({ code: status.DATA_LOSS })).code).to.equal('UNKNOWN');
  });

  it('has reason UNKNOWN when a newer server names one that is not known here', () => {
    const info = ErrorInfo.encode({ reason: 'FROM_THE_FUTURE', domain: 'synod', metadata: new Map() });
    const metadata = new Metadata();
    metadata.set(
      'grpc-status-details-bin',
      Buffer.from(
        Status.encode({
          code: status.UNAVAILABLE,
          message: '',
          details: [
            {
              typeUrl: 'type.googleapis.com/google.rpc.ErrorInfo',
              value: Buffer.from(info.finish()),
            },
          ],
        }).finish(),
      ),
    );
    expect(fromServiceError(received({ metadata })).reason).to.equal('UNKNOWN');
  });

  it('has reason UNKNOWN when its details are garbled', () => {
    const metadata = new Metadata();
    metadata.set('grpc-status-details-bin', Buffer.from([0x1a, 0xff]));
    expect(partsOf(fromServiceError(received({ code: status.UNAVAILABLE, metadata })))).to.deep.include({
      code: 'UNAVAILABLE',
      reason: 'UNKNOWN',
    });
  });
});

describe('anything caught', () => {
  it('stays what it is if it is a call error', () => {
    const error = new CallError({ code: 'NOT_FOUND', reason: 'UNKNOWN', message: 'nothing there' });
    expect(toCallError(error)).to.equal(error);
  });

  it('is INTERNAL otherwise', () => {
    expect(partsOf(toCallError(new TypeError('oops')))).to.deep.include({
      code: 'INTERNAL',
      reason: 'UNKNOWN',
      message: 'internal error: oops',
    });
    expect(toCallError('text').message).to.equal('internal error: text');
  });
});
