import type {
  Operation as OperationMessage,
  PipelineRequest,
  PipelineResponse,
} from '../../gen/synod/kv/v1/kv.js';
import { frameLimitBytes, frameLimitOperations } from '../kv/limits.js';
import { clientId, type Request, type Result, type Session } from '../kv/operation.js';
import { operationFromWire, operationResultToWire } from '../kv/wire.js';
import { CallError, toCallError } from '../rpc/call-error.js';
import type { CallContext, StreamHandler } from '../rpc/handlers.js';
import { toRpcStatus } from '../rpc/status-wire.js';
import { invalidArgument } from './call-errors.js';

/** Operations one stream may have under way; more are refused one by one. */
const streamLimitOperations = 4096;
/** A response frame is sent once its values weigh this much. */
const responseFrameBytes = 1024 * 1024;

type Execute = (request: Request, signal: AbortSignal) => Promise<Result>;
type ResultMessage = PipelineResponse['results'][number];

const textBytes = ({ kind }: OperationMessage): number => {
  if (kind === undefined) return 0;
  const value = 'value' in kind.value ? kind.value.value : '';
  return Buffer.byteLength(kind.value.key, 'utf8') + Buffer.byteLength(value, 'utf8');
};

const resultBytes = ({ result }: ResultMessage): number => {
  switch (result?.$case) {
    case 'get':
      return result.value.value.length;
    case 'putHash':
      return result.value.previousValue.length;
    default:
      return 0;
  }
};

/** @throws CallError if the frame is larger than a frame may be */
function checkFrame({ operations }: PipelineRequest): void {
  if (operations.length > frameLimitOperations) {
    throw invalidArgument(
      'BAD_REQUEST',
      `the frame has ${operations.length} operations; the limit is ${frameLimitOperations}`,
    );
  }
  const bytes = operations.reduce((sum, operation) => sum + textBytes(operation), 0);
  if (bytes > frameLimitBytes) {
    throw invalidArgument(
      'BAD_REQUEST',
      `the frame has ${bytes} bytes of keys and values; the limit is ${frameLimitBytes}`,
    );
  }
}

const sessionOf = (frame: PipelineRequest, operation: OperationMessage): Session | undefined =>
  frame.clientId === 0
    ? undefined
    : {
        clientId: clientId(frame.clientId),
        sequence: operation.sequence,
        acknowledgedThrough: frame.acknowledgedThrough,
      };

/**
 * Serves one Pipeline stream: every operation of a frame goes the way of a unary call, all at once, and results
 * leave as they come, those of one turn in one frame.
 */
export function servePipeline(
  execute: Execute,
  send: (response: PipelineResponse) => void,
  { signal }: CallContext,
): StreamHandler<PipelineRequest> {
  const underWay = new Map<number, Promise<void>>();
  let ready: ResultMessage[] = [];
  let readyBytes = 0;

  const flush = () => {
    if (ready.length > 0) send({ results: ready });
    ready = [];
    readyBytes = 0;
  };
  const answer = (message: ResultMessage) => {
    if (ready.length === 0) void Promise.resolve().then(flush);
    ready.push(message);
    readyBytes += resultBytes(message);
    if (readyBytes >= responseFrameBytes || ready.length >= frameLimitOperations) flush();
  };
  const fail = (tag: number, error: unknown) =>
    answer({ tag, result: { $case: 'error', value: toRpcStatus(toCallError(error)) } });
  const run = async (frame: PipelineRequest, message: OperationMessage) => {
    try {
      const operation = operationFromWire(message);
      if (operation === undefined) throw invalidArgument('BAD_REQUEST', 'the operation is of no known kind');
      const result = await execute(
        { kind: 'operation', operation, session: sessionOf(frame, message) },
        signal,
      );
      answer({ tag: message.tag, result: operationResultToWire(result) });
    } catch (error) {
      fail(message.tag, error);
    }
  };
  const begin = (frame: PipelineRequest, message: OperationMessage) => {
    const { tag } = message;
    if (underWay.has(tag)) {
      fail(tag, invalidArgument('BAD_REQUEST', `tag ${tag} is under way on this stream already`));
    } else if (underWay.size >= streamLimitOperations) {
      fail(tag, streamFull());
    } else {
      underWay.set(
        tag,
        run(frame, message).finally(() => underWay.delete(tag)),
      );
    }
  };
  return {
    receive: (frame) => {
      checkFrame(frame);
      for (const operation of frame.operations) begin(frame, operation);
    },
    finish: async () => {
      await Promise.all(underWay.values());
      flush();
    },
  };
}

const streamFull = (): CallError =>
  new CallError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'QUEUE_FULL',
    message: `${streamLimitOperations} operations are under way on this stream, which is the limit; await some results`,
    retryAfterMs: 50,
  });
