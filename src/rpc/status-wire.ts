import { Metadata, status, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';
import { Status } from '../../gen/google/rpc/status.js';
import { CallError, type CallCode, type CallReason } from './call-error.js';

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
const reasons: ReadonlySet<string> = new Set<CallReason>([
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
  'CHANGED_INCARNATION',
  'DISK_FULL',
  'UNKNOWN',
]);
const isReason = (text: string): text is CallReason => reasons.has(text);

const errorInfoType = 'type.googleapis.com/google.rpc.ErrorInfo';
const detailsKey = 'grpc-status-details-bin';
const retryKey = 'synod-retry-after-ms';
const leaderKey = 'synod-leader';

/** The error as `google.rpc.Status`, with its reason as `google.rpc.ErrorInfo`. */
export function toRpcStatus(error: CallError): Status {
  const metadata = new Map<string, string>();
  if (error.retryAfterMs !== undefined) metadata.set(retryKey, String(error.retryAfterMs));
  if (error.leader !== undefined) metadata.set(leaderKey, error.leader);
  const info = ErrorInfo.encode({ reason: error.reason, domain: 'synod', metadata }).finish();
  return {
    code: status[error.code],
    message: error.message,
    details: [{ typeUrl: errorInfoType, value: Buffer.from(info) }],
  };
}

/** The error as what grpc-js sends: code, text, details and trailers. */
export function toStatusObject(error: CallError): StatusObject {
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(Status.encode(toRpcStatus(error)).finish()));
  if (error.retryAfterMs !== undefined) metadata.set(retryKey, String(error.retryAfterMs));
  if (error.leader !== undefined) metadata.set(leaderKey, error.leader);
  return { code: status[error.code], details: error.message, metadata };
}

/** Garbled details say nothing; the code of the error still holds. */
const reasonOf = (details: Buffer): CallReason => {
  try {
    const detail = Status.decode(details).details.find(({ typeUrl }) => typeUrl === errorInfoType);
    const reason = detail === undefined ? '' : ErrorInfo.decode(detail.value).reason;
    return isReason(reason) ? reason : 'UNKNOWN';
  } catch {
    return 'UNKNOWN';
  }
};

const textOf = (metadata: Metadata, key: string): string | undefined => {
  const [value] = metadata.get(key);
  return value === undefined ? undefined : value.toString();
};

/** Reads back what `toStatusObject` wrote; errors of other servers and of grpc-js itself have reason UNKNOWN. */
export function fromServiceError(error: ServiceError): CallError {
  const [details] = error.metadata.get(detailsKey);
  const retryAfterMs = Number(textOf(error.metadata, retryKey) ?? NaN);
  const leader = textOf(error.metadata, leaderKey);
  return new CallError({
    code: codes.find((code) => status[code] === error.code) ?? 'UNKNOWN',
    reason: Buffer.isBuffer(details) ? reasonOf(details) : 'UNKNOWN',
    message: error.details,
    ...(Number.isFinite(retryAfterMs) ? { retryAfterMs } : {}),
    ...(leader === undefined ? {} : { leader }),
  });
}
