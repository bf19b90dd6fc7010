/** How long a call may take, and what ends it earlier. */
export interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** A remote method as an async function. It rejects with `CallError`. */
export type Call<Request, Reply> = (request: Request, options: CallOptions) => Promise<Reply>;

/** A remote method that answers with a stream, until the stream ends, fails with `CallError`, or `signal` aborts. */
export type StreamCall<Request, Reply> = (
  request: Request,
  options: { readonly signal: AbortSignal },
) => AsyncIterable<Reply>;

/** One side of a stream in both directions: what is sent arrives in order, or the stream ends. */
export interface Duplex<Message> {
  send(message: Message): void;
  /** Bytes handed over that the transport has not taken yet. */
  readonly pendingBytes: number;
  /** Ends the stream; nothing is received after. */
  end(error?: Error): void;
}

export interface DuplexEvents<Message> {
  readonly received: (message: Message) => void;
  /** Told once when the stream has ended, unless this side called `end`. */
  readonly ended: (error: Error | undefined) => void;
}

export type OpenDuplex<Message> = (events: DuplexEvents<Message>) => Duplex<Message>;
