import type { Result, SessionRefusal } from '../kv/operation.js';
import { LogError, type LogFailure, type RefusalReason } from '../log/errors.js';
import { CallError, type CallErrorDetails } from '../rpc/call-error.js';

/** When the store is full of work for the moment. */
const retryAfterMs = 50;
/** Room on a disk comes back no sooner than the log looks for it. */
const diskRetryAfterMs = 500;

type Refusal = SessionRefusal | 'value-limit';

const refusalDetails: Record<Refusal, Omit<CallErrorDetails, 'message'>> = {
  'value-limit': { code: 'FAILED_PRECONDITION', reason: 'VALUE_LIMIT' },
  'never-issued': { code: 'INVALID_ARGUMENT', reason: 'SESSION_NEVER_ISSUED' },
  expired: { code: 'FAILED_PRECONDITION', reason: 'SESSION_EXPIRED' },
  'already-acknowledged': { code: 'FAILED_PRECONDITION', reason: 'ALREADY_ACKNOWLEDGED' },
  'replies-full': { code: 'RESOURCE_EXHAUSTED', reason: 'REPLIES_FULL', retryAfterMs },
};

const refusedDetails: Record<RefusalReason, Omit<CallErrorDetails, 'message'>> = {
  'queue-full': { code: 'RESOURCE_EXHAUSTED', reason: 'QUEUE_FULL', retryAfterMs },
  'no-space': { code: 'RESOURCE_EXHAUSTED', reason: 'DISK_FULL', retryAfterMs: diskRetryAfterMs },
  'command-too-large': { code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' },
};

const failureDetails = (failure: LogFailure): Omit<CallErrorDetails, 'message'> => {
  switch (failure.kind) {
    case 'not-leader': {
      const leader = failure.hint === undefined ? {} : { leader: failure.hint };
      return { code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', ...leader };
    }
    case 'refused':
      return refusedDetails[failure.reason];
    case 'abandoned':
    case 'closed':
      return { code: 'UNAVAILABLE', reason: 'NOT_PROPOSED' };
    case 'outcome-unknown':
      return { code: 'UNAVAILABLE', reason: 'OUTCOME_UNKNOWN' };
  }
};

/** The one table from what the log and the store refuse to what a client is told. */
export const refusalError = (refusal: Refusal, message: string): CallError =>
  new CallError({ ...refusalDetails[refusal], message });

/** A failure of the log as a client is told it; anything else is passed on as it is. */
export const logCallError = (error: unknown): unknown =>
  error instanceof LogError
    ? new CallError({ ...failureDetails(error.failure), message: error.message })
    : error;

export const invalidArgument = (
  reason: 'BAD_REQUEST' | 'SEQUENCE_OUTSIDE_WINDOW',
  message: string,
): CallError => new CallError({ code: 'INVALID_ARGUMENT', reason, message });

/** The result, unless it is a refusal. @throws CallError */
export function acceptedResult(result: Result): Result {
  if (result.kind === 'refused') throw refusalError(result.refusal, result.detail);
  return result;
}
