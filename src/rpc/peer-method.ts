import type { Client, handleUnaryCall, MethodDefinition } from '@grpc/grpc-js';
import type { Enveloped } from '../log/header.js';
import type { ReplicaId } from '../log/ids.js';
import { PeerRefusal, type Roster } from '../log/roster.js';
import { CallError } from './call-error.js';
import { unaryCall } from './channel.js';
import { unary, type HandlerHooks } from './handlers.js';
import type { Call } from './link.js';
import type { Decoded } from './strict.js';

/** How a body and its header look on the wire. `read` throws if the message is garbled. */
export interface Codec<Body, Message> {
  readonly write: (enveloped: Enveloped<Body>) => Message;
  readonly read: (message: Message) => Enveloped<Body>;
}

const refusalError = (refusal: PeerRefusal): CallError => {
  switch (refusal.refusal) {
    case 'closed':
    case 'not-introduced':
      return new CallError({ code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', message: refusal.message });
    case 'garbled':
      return new CallError({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST', message: refusal.message });
    default:
      return new CallError({ code: 'FAILED_PRECONDITION', reason: 'PEER_REFUSED', message: refusal.message });
  }
};

const problemOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Serves one method between replicas: garbled messages are refused and counted, and never reach the engine. */
export function peerMethod<Body, Message, Reply, ReplyMessage>(
  roster: Roster,
  request: Codec<Body, Message>,
  reply: Codec<Reply, ReplyMessage>,
  handle: (request: Enveloped<Body>) => Promise<Enveloped<Reply>>,
): handleUnaryCall<Decoded<Message>, ReplyMessage> {
  const read = (message: Message): Enveloped<Body> => {
    try {
      return request.read(message);
    } catch (error) {
      throw roster.refuse('garbled', problemOf(error));
    }
  };
  const hooks: HandlerHooks = { malformed: (problem) => roster.refuse('garbled', problem) };
  return unary(async (message: Message) => {
    try {
      return reply.write(await handle(read(message)));
    } catch (error) {
      throw error instanceof PeerRefusal ? refusalError(error) : error;
    }
  }, hooks);
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
      if (error instanceof CallError && error.reason === 'PEER_REFUSED')
        roster.refusedBy(peer, error.message);
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
