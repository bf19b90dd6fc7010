import type { Client, handleServerStreamingCall, handleUnaryCall, MethodDefinition } from '@grpc/grpc-js';
import type { Enveloped } from '../log/header.js';
import type { ReplicaId } from '../log/ids.js';
import { PeerRefusal, type Roster } from '../log/roster.js';
import { CallError } from './call-error.js';
import { streamCall, unaryCall } from './channel.js';
import { serverStream, unary, type HandlerHooks } from './handlers.js';
import type { Call, StreamCall } from './link.js';
import type { Decoded } from './strict.js';

/** How a body and its header look on the wire. `read` throws if the message is garbled. */
export interface Codec<Body, Message> {
  readonly write: (enveloped: Enveloped<Body>) => Message;
  readonly read: (message: Message) => Enveloped<Body>;
}

/** What a peer is told of a refusal. */
export const refusalError = (refusal: PeerRefusal): CallError => {
  switch (refusal.refusal) {
    case 'closed':
    case 'not-introduced':
      return new CallError({ code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', message: refusal.message });
    case 'garbled':
      return new CallError({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST', message: refusal.message });
    case 'changed-incarnation':
      return new CallError({
        code: 'FAILED_PRECONDITION',
        reason: 'CHANGED_INCARNATION',
        message: refusal.message,
      });
    default:
      return new CallError({ code: 'FAILED_PRECONDITION', reason: 'PEER_REFUSED', message: refusal.message });
  }
};

/** A failure as it is told to a peer, or to whoever waits for one. */
export const refusalAsCallError = (error: unknown): unknown =>
  error instanceof PeerRefusal ? refusalError(error) : error;

/** @throws PeerRefusal, which has been counted */
export function readRequest<Body, Message>(
  roster: Roster,
  codec: Codec<Body, Message>,
  message: Message,
): Enveloped<Body> {
  try {
    return codec.read(message);
  } catch (error) {
    throw roster.refuse('garbled', problemOf(error));
  }
}

export const problemOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Serves one method between replicas: garbled messages are refused and counted, and never reach the engine. */
export function peerMethod<Body, Message, Reply, ReplyMessage>(
  roster: Roster,
  request: Codec<Body, Message>,
  reply: Codec<Reply, ReplyMessage>,
  handle: (request: Enveloped<Body>) => Promise<Enveloped<Reply>>,
): handleUnaryCall<Decoded<Message>, ReplyMessage> {
  const hooks: HandlerHooks = { malformed: (problem) => roster.refuse('garbled', problem) };
  return unary(async (message: Message) => {
    try {
      return reply.write(await handle(readRequest(roster, request, message)));
    } catch (error) {
      throw refusalAsCallError(error);
    }
  }, hooks);
}

/** Keeps what a peer refuses for the status table. */
export const noteRefusal = (roster: Roster, peer: ReplicaId, error: unknown): void => {
  if (!(error instanceof CallError)) return;
  if (error.reason === 'PEER_REFUSED' || error.reason === 'CHANGED_INCARNATION') {
    roster.refusedBy(peer, error.message);
  }
};

/**
 * Serves one method between replicas that answers with a stream. The header of the request is judged by `handle`; what it
 * throws, at once or later, ends the stream.
 */
export function peerStreamMethod<Body, Message, Reply, ReplyMessage>(
  roster: Roster,
  request: Codec<Body, Message>,
  reply: Codec<Reply, ReplyMessage>,
  handle: (request: Enveloped<Body>, signal: AbortSignal) => AsyncIterable<Enveloped<Reply>>,
): handleServerStreamingCall<Decoded<Message>, ReplyMessage> {
  const hooks: HandlerHooks = { malformed: (problem) => roster.refuse('garbled', problem) };
  return serverStream(async function* (message: Message, { signal }) {
    try {
      for await (const enveloped of handle(readRequest(roster, request, message), signal)) {
        yield reply.write(enveloped);
      }
    } catch (error) {
      throw refusalAsCallError(error);
    }
  }, hooks);
}

/** Calls a streaming method of a peer. */
export function peerStream<Body, Message, Reply, ReplyMessage>(
  roster: Roster,
  peer: ReplicaId,
  channel: Client,
  method: MethodDefinition<Message, ReplyMessage>,
  request: Codec<Body, Message>,
  reply: Codec<Reply, ReplyMessage>,
): StreamCall<Enveloped<Body>, Enveloped<Reply>> {
  const call = streamCall(channel, method);
  return async function* (enveloped, options) {
    try {
      for await (const answer of call(request.write(enveloped), options)) {
        roster.acceptedBy(peer);
        yield reply.read(answer);
      }
    } catch (error) {
      noteRefusal(roster, peer, error);
      throw error;
    }
  };
}

/** Calls one method of a peer; what the peer refuses is kept for the status table. */
export function peerCall<Body, Message, Reply, ReplyMessage>(
  roster: Roster,
  peer: ReplicaId,
  channel: Client,
  method: MethodDefinition<Message, ReplyMessage>,
  request: Codec<Body, Message>,
  reply: Codec<Reply, ReplyMessage>,
): Call<Enveloped<Body>, Enveloped<Reply>> {
  const call = unaryCall(channel, method);
  return async (enveloped, options) => {
    let answer: ReplyMessage;
    try {
      answer = await call(request.write(enveloped), options);
    } catch (error) {
      noteRefusal(roster, peer, error);
      throw error;
    }
    roster.acceptedBy(peer);
    try {
      return reply.read(answer);
    } catch (error) {
      throw roster.refuse('garbled', problemOf(error), peer);
    }
  };
}
