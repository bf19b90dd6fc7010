import { expect } from 'chai';
import { verdictOn, type Verdict } from '../../src/clerk/verdict.js';
import type { CallErrorDetails } from '../../src/rpc/call-error.js';
import { callError } from '../support/fake-store.js';

type Case = readonly [details: Partial<CallErrorDetails>, verdict: Verdict];

const table: readonly Case[] = [
  [{ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' }, { kind: 'final' }],
  [{ code: 'INVALID_ARGUMENT', reason: 'SESSION_NEVER_ISSUED' }, { kind: 'final' }],
  [{ code: 'INVALID_ARGUMENT', reason: 'SEQUENCE_OUTSIDE_WINDOW' }, { kind: 'final' }],
  [{ code: 'FAILED_PRECONDITION', reason: 'SESSION_EXPIRED' }, { kind: 'session-expired' }],
  [{ code: 'FAILED_PRECONDITION', reason: 'ALREADY_ACKNOWLEDGED' }, { kind: 'final' }],
  [{ code: 'FAILED_PRECONDITION', reason: 'VALUE_LIMIT' }, { kind: 'recorded' }],
  [
    { code: 'UNAVAILABLE', reason: 'NOT_PROPOSED' },
    { kind: 'next-replica', executed: 'no' },
  ],
  [
    { code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', leader: 'there' },
    { kind: 'other-replica', address: 'there', executed: 'no' },
  ],
  [
    { code: 'UNAVAILABLE', reason: 'OUTCOME_UNKNOWN' },
    { kind: 'next-replica', executed: 'unknown' },
  ],
  [
    { code: 'UNAVAILABLE', reason: 'UNKNOWN' },
    { kind: 'next-replica', executed: 'unknown' },
  ],
  [{ code: 'DEADLINE_EXCEEDED' }, { kind: 'next-replica', executed: 'unknown' }],
  [{ code: 'INTERNAL' }, { kind: 'next-replica', executed: 'unknown' }],
  [{ code: 'CANCELLED' }, { kind: 'next-replica', executed: 'unknown' }],
  [
    { code: 'RESOURCE_EXHAUSTED', reason: 'QUEUE_FULL', retryAfterMs: 50 },
    { kind: 'wait', ms: 50, executed: 'no' },
  ],
  [
    { code: 'RESOURCE_EXHAUSTED', reason: 'REPLIES_FULL', retryAfterMs: 50 },
    { kind: 'wait', ms: 50, executed: 'unknown' },
  ],
  [
    { code: 'RESOURCE_EXHAUSTED', reason: 'DISK_FULL', retryAfterMs: 500 },
    { kind: 'next-replica', executed: 'no' },
  ],
  [{ code: 'RESOURCE_EXHAUSTED', reason: 'UNKNOWN' }, { kind: 'final' }],
  [{ code: 'UNIMPLEMENTED' }, { kind: 'final' }],
  [{ code: 'NOT_FOUND' }, { kind: 'final' }],
  [{ code: 'UNKNOWN' }, { kind: 'final' }],
];

describe('what a clerk makes of a failed attempt', () => {
  for (const [details, verdict] of table) {
    const { code, reason, retryAfterMs, leader } = details;
    const trailers = `${retryAfterMs === undefined ? '' : ' with retry-after'}${leader === undefined ? '' : ' with a leader'}`;
    it(`${code} ${reason ?? ''}${trailers}: ${JSON.stringify(verdict)}`, () => {
      expect(verdictOn(callError(details))).to.deep.equal(verdict);
    });
  }
});
