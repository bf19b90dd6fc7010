import { setMaxListeners } from 'node:events';
import type {
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
} from '@grpc/grpc-js';
import { CallError, toCallError } from './call-error.js';
import { toStatusObject } from './status-wire.js';
import type { Decoded } from './strict.js';

/** What a handler knows of its call. */
export interface CallContext {
  /** Aborts when the client cancelled, went away, or its deadline passed. */
  readonly signal: AbortSignal;
}

export interface HandlerHooks {
  /** A request that did not decode has been refused. */
  readonly malformed?: (problem: string) => void;
  /** A handler failed in a way it does not name; the client was told INTERNAL. */
  readonly failed?: (error: unknown) => void;
}

const badRequest = (problem: string): CallError =>
  new CallError({
    code: 'INVALID_ARGUMENT',
    reason: 'BAD_REQUEST',
    message: `the request does not decode: ${problem}`,
  });

/** What a failed handler tells its client; what it does not name is also reported to the hooks. */
const failureOf = (error: unknown, hooks: HandlerHooks): CallError => {
  const failure = toCallError(error);
  if (failure !== error) hooks.failed?.(error);
  return failure;
};

/** The one way a unary method is served: a promise becomes a reply, an error a status with trailers. */
export function unary<Request, Reply>(
  handler: (request: Request, context: CallContext) => Promise<Reply>,
  hooks: HandlerHooks = {},
): handleUnaryCall<Decoded<Request>, Reply> {
  return (call: ServerUnaryCall<Decoded<Request>, Reply>, respond) => {
    const decoded = call.request;
    if (!decoded.ok) {
      hooks.malformed?.(decoded.problem);
      respond(toStatusObject(badRequest(decoded.problem)));
      return;
    }
    const abort = new AbortController();
    let answered = false;
    // grpc-js emits `cancelled` at every end of a call, also a good one.
    call.on('cancelled', () => {
      if (!answered) abort.abort();
    });
    // Within the promise, so that what a handler throws at once is a status too.
    Promise.resolve()
      .then(() => handler(decoded.message, { signal: abort.signal }))
      .finally(() => (answered = true))
      .then(
        (reply) => respond(null, reply),
        (error: unknown) => respond(toStatusObject(failureOf(error, hooks))),
      );
  };
}

/**
 * The one way a method is served that answers with a stream. Replies are asked for one by one, no faster than the client
 * takes them.
 */
export function serverStream<Request, Reply>(
  handler: (request: Request, context: CallContext) => AsyncIterable<Reply>,
  hooks: HandlerHooks = {},
): handleServerStreamingCall<Decoded<Request>, Reply> {
  return (call: ServerWritableStream<Decoded<Request>, Reply>) => {
    const abort = new AbortController();
    const end = (error: CallError) => call.emit('error', toStatusObject(error));
    call.on('cancelled', () => abort.abort());
    const decoded = call.request;
    if (!decoded.ok) {
      hooks.malformed?.(decoded.problem);
      end(badRequest(decoded.problem));
      return;
    }
    const send = async () => {
      for await (const reply of handler(decoded.message, { signal: abort.signal })) {
        if (abort.signal.aborted) return;
        if (!call.write(reply)) await drained(call, abort.signal);
      }
      call.end();
    };
    send().catch((error: unknown) => end(failureOf(error, hooks)));
  };
}

/** Resolves when the stream can take more, or has been cancelled. */
const drained = (call: ServerWritableStream<unknown, unknown>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    call.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** What a bidirectional handler knows of its call, and how it ends it. */
export interface StreamContext extends CallContext {
  /** Ends the stream after what was sent, with the status that `error` stands for, if any. Nothing is received after. */
  readonly end: (error?: unknown) => void;
}

/** What a bidirectional handler does with its stream. */
export interface StreamHandler<Request> {
  /** Takes one frame. An error it throws ends the stream. */
  readonly receive: (request: Request) => void;
  /** The client sends no more; resolves when everything is answered. */
  readonly finish: () => Promise<void>;
  /** Told once when the stream has ended, unless the handler ended it itself. */
  readonly ended?: (error: CallError | undefined) => void;
}

/** Sends one reply; `taken` is called when the transport has taken it, under its flow control, and never if it does not. */
export type SendReply<Reply> = (reply: Reply, taken?: () => void) => void;

/** How a stream ends that its client has ended. */
export const clientGone = (): CallError =>
  new CallError({
    code: 'CANCELLED',
    reason: 'UNKNOWN',
    message: 'the client has cancelled the stream or is gone',
  });

/** The one way a bidirectional method is served. `open` is given the way to send and the stream's context. */
export function duplex<Request, Reply>(
  open: (send: SendReply<Reply>, context: StreamContext) => StreamHandler<Request>,
  hooks: HandlerHooks = {},
): handleBidiStreamingCall<Decoded<Request>, Reply> {
  return (stream: ServerDuplexStream<Decoded<Request>, Reply>) => {
    const abort = new AbortController();
    // Every operation of the stream listens for its end.
    setMaxListeners(0, abort.signal);
    let ended = false;
    const end = (error: CallError | undefined) => {
      if (ended) return false;
      ended = true;
      abort.abort();
      if (error === undefined) stream.end();
      else stream.emit('error', toStatusObject(error));
      return true;
    };
    const handler = open((reply, taken) => !ended && stream.write(reply, () => taken?.()), {
      signal: abort.signal,
      end: (error) => end(error === undefined ? undefined : failureOf(error, hooks)),
    });
    /** An end that the handler has not brought about. */
    const lose = (error: CallError | undefined) => {
      if (end(error)) handler.ended?.(error);
    };
    stream.on('cancelled', () => {
      if (ended) return;
      ended = true;
      abort.abort();
      handler.ended?.(clientGone());
    });
    stream.on('data', (decoded: Decoded<Request>) => {
      if (ended) return;
      if (!decoded.ok) {
        hooks.malformed?.(decoded.problem);
        lose(badRequest(decoded.problem));
        return;
      }
      try {
        handler.receive(decoded.message);
      } catch (error) {
        lose(failureOf(error, hooks));
      }
    });
    stream.on('end', () => {
      handler.finish().then(
        () => lose(undefined),
        (error: unknown) => lose(failureOf(error, hooks)),
      );
    });
  };
}
