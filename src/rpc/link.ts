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
