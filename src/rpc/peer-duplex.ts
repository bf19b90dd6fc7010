import {
  status,
  type Client,
  type ClientDuplexStream,
  type handleBidiStreamingCall,
  type MethodDefinition,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import type { Enveloped } from '../log/header.js';
import type { ReplicaId } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import { toCallError, type CallError } from './call-error.js';
import { clientGone, duplex } from './handlers.js';
import type { Duplex, DuplexEvents, OpenDuplex } from './link.js';
import { noteRefusal, problemOf, readRequest, refusalAsCallError, type Codec } from './peer-method.js';
import { fromServiceError } from './status-wire.js';
import type { Decoded } from './strict.js';

const asIs = (bytes: Buffer): Buffer => bytes;

/** The same method with replies that are bytes already: `servePeerDuplex` encodes them where it counts them. */
export const withEncodedReplies = <Request, Reply>(
  method: MethodDefinition<Request, Reply>,
): MethodDefinition<Request, Buffer> => ({
  ...method,
  responseSerialize: asIs,
  responseDeserialize: asIs,
});

/**
 * What waits to be taken by the transport, which is given one frame at a time: a stream that ends drops the rest, also
 * if its receiver has stopped reading.
 */
class Outbox {
  #frames: Buffer[] = [];
  #isWriting = false;
  #isOpen = true;
  #pendingBytes = 0;

  /** @param write hands one frame over, and calls `taken` when the transport has taken it */
  constructor(private readonly write: (frame: Buffer, taken: () => void) => void) {}

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  put(frame: Buffer): void {
    if (!this.#isOpen) return;
    this.#pendingBytes += frame.length;
    this.#frames.push(frame);
    this.#writeNext();
  }

  close(): void {
    this.#isOpen = false;
    this.#frames = [];
    this.#pendingBytes = 0;
  }

  #writeNext(): void {
    if (this.#isWriting) return;
    const frame = this.#frames.shift();
    if (frame === undefined) return;
    this.#isWriting = true;
    this.write(frame, () => {
      if (!this.#isOpen) return;
      this.#isWriting = false;
      this.#pendingBytes -= frame.length;
      this.#writeNext();
    });
  }
}

/**
 * Opens streams to a peer over a channel, one at each call. Never throws: what cannot be opened has ended with a
 * `CallError`, as has every stream that breaks. A stream that the peer refuses is kept for the status table. What
 * `received` throws ends the stream; the peer sees it cancelled.
 */
export function peerDuplex<Body, Message>(
  roster: Roster,
  peer: ReplicaId,
  channel: Client,
  method: MethodDefinition<Message, Message>,
  codec: Codec<Body, Message>,
): OpenDuplex<Enveloped<Body>> {
  const read = (frame: Buffer): Enveloped<Body> => {
    try {
      return codec.read(method.responseDeserialize(frame));
    } catch (error) {
      throw roster.refuse('garbled', problemOf(error), peer);
    }
  };
  return (events) => {
    let isOpen = true;
    let call: ClientDuplexStream<Buffer, Buffer> | undefined;
    const outbox = new Outbox((frame, taken) => call?.write(frame, taken));
    const close = (): boolean => {
      if (!isOpen) return false;
      isOpen = false;
      outbox.close();
      return true;
    };
    const lose = (error: CallError | undefined) => {
      if (close()) events.ended(error);
    };
    const receive = (frame: Buffer) => {
      if (!isOpen) return;
      roster.acceptedBy(peer);
      try {
        events.received(read(frame));
      } catch (error) {
        call?.cancel();
        lose(toCallError(refusalAsCallError(error)));
      }
    };
    const fail = (failure: ServiceError) => {
      const error = fromServiceError(failure);
      if (isOpen) noteRefusal(roster, peer, error);
      lose(error);
    };
    try {
      call = channel.makeBidiStreamRequest(method.path, asIs, asIs);
      call.on('data', receive);
      call.on('error', fail);
      call.on('status', ({ code }: StatusObject) => {
        if (code === status.OK) lose(undefined);
      });
    } catch (error) {
      // The channel is closed. Nothing is told before the caller has its stream in hand.
      queueMicrotask(() => lose(toCallError(error)));
    }
    return {
      send: (message) => outbox.put(method.requestSerialize(codec.write(message))),
      get pendingBytes() {
        return outbox.pendingBytes;
      },
      end: () => {
        if (close()) call?.cancel();
      },
    };
  };
}

/** Takes an incoming stream: who sends on it, its first message tells. */
export type AcceptDuplex<Message> = (stream: Duplex<Message>) => DuplexEvents<Message>;

/**
 * Serves the streams that peers open; `accept` is called for each. Serve it as `withEncodedReplies(method)`. What does not
 * decode is refused, counted, and ends the stream; a `PeerRefusal` that `received` throws or `end` is given becomes the
 * status that the peer sees. A peer that ends its stream or is gone is told as CANCELLED.
 */
export function servePeerDuplex<Body, Message>(
  roster: Roster,
  method: MethodDefinition<Message, Message>,
  codec: Codec<Body, Message>,
  accept: AcceptDuplex<Enveloped<Body>>,
): handleBidiStreamingCall<Decoded<Message>, Buffer> {
  return duplex<Message, Buffer>(
    (send, { end }) => {
      const outbox = new Outbox(send);
      const { received, ended } = accept({
        send: (message) => outbox.put(method.responseSerialize(codec.write(message))),
        get pendingBytes() {
          return outbox.pendingBytes;
        },
        end: (error) => {
          outbox.close();
          end(refusalAsCallError(error));
        },
      });
      return {
        receive: (message) => {
          try {
            received(readRequest(roster, codec, message));
          } catch (error) {
            throw refusalAsCallError(error);
          }
        },
        // The end of what it sends is the first that is seen of a client that cancels.
        finish: () => Promise.reject(clientGone()),
        ended: (error) => {
          outbox.close();
          ended(error);
        },
      };
    },
    { malformed: (problem) => roster.refuse('garbled', problem) },
  );
}
