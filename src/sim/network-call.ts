import { CallError, toCallError } from '../rpc/call-error.js';
import type { Call, StreamCall } from '../rpc/link.js';
import { refusalAsCallError } from '../rpc/peer-method.js';
import type { Network, Way } from './network.js';
import type { SimulatedProcess } from './simulated-process.js';

/** A method of a process on another host. */
export interface RemoteMethod<Request, Reply> extends Way {
  readonly network: Network;
  readonly caller: SimulatedProcess;
  /** The process that listens on the other host now; undefined if none does. */
  readonly callee: () => SimulatedProcess | undefined;
  /** What the callee does with a request; called in its process. */
  readonly handle: (request: Request, signal: AbortSignal) => Promise<Reply>;
  /** Whether the request may arrive twice. */
  readonly mayDuplicate: boolean;
}

const callError = (code: 'UNAVAILABLE' | 'DEADLINE_EXCEEDED' | 'CANCELLED', message: string): CallError =>
  new CallError({ code, reason: 'UNKNOWN', message });

/** Makes a call over the network of what another process does with a request. Requests and replies fare as messages do. */
export const remoteCall =
  <Request, Reply>(method: RemoteMethod<Request, Reply>): Call<Request, Reply> =>
  (request, { timeoutMs, signal }) =>
    new Promise<Reply>((resolve, reject) => {
      const { network, caller, from, to, name } = method;
      const callee = method.callee();
      const ended = new AbortController();
      let isSettled = false;
      const settle = (act: () => void) => {
        if (isSettled) return;
        isSettled = true;
        deadline.cancel();
        forget?.();
        signal?.removeEventListener('abort', cancel);
        act();
      };
      /** The caller waits no longer, and the callee hears of it if the message arrives. */
      const giveUp = (error: CallError) =>
        settle(() => {
          network.send({ from, to, name: `${name} cancel` }, '', callee, () => ended.abort());
          reject(error);
        });
      const cancel = () => giveUp(callError('CANCELLED', 'the caller has cancelled the call'));
      const deadline = caller.clock.timer(timeoutMs, () =>
        giveUp(callError('DEADLINE_EXCEEDED', `no answer within ${timeoutMs} ms`)),
      );
      const refused = () => settle(() => reject(callError('UNAVAILABLE', `nobody answers at ${to}`)));
      // A connection is reset by the machine that its process has left; nothing tells of a machine without power.
      const forget = callee?.onEnd(() =>
        network.send({ from: to, to: from, name: 'reset' }, '', caller, refused),
      );
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) {
        cancel();
        return;
      }
      if (callee === undefined) {
        caller.after(network.delayMs(), refused);
        return;
      }
      const back = (reply: unknown, act: () => void) =>
        network.send({ from: to, to: from, name: `${name} reply` }, reply, caller, () => settle(act));
      const arrive = (isFirst: boolean) => {
        // The deadline travels with the call, and the callee gives up by a clock of its own.
        const serverDeadline = callee.clock.timer(timeoutMs, () => ended.abort());
        handled(() => method.handle(request, ended.signal)).then(
          (reply) => {
            serverDeadline.cancel();
            if (isFirst) back(reply, () => resolve(reply));
          },
          (error: unknown) => {
            serverDeadline.cancel();
            const told = toCallError(refusalAsCallError(error));
            if (isFirst) back(told, () => reject(told));
          },
        );
      };
      if (method.mayDuplicate) {
        network.sendPerhapsTwice(
          method,
          request,
          callee,
          () => arrive(true),
          () => arrive(false),
        );
      } else network.send(method, request, callee, () => arrive(true));
    });

/** A handler that throws instead of rejecting answers the same. */
const handled = async <Reply>(handle: () => Promise<Reply>): Promise<Reply> => handle();

/** A method of a process on another host that answers with a stream. */
export interface RemoteStream<Request, Piece> extends Way {
  readonly network: Network;
  readonly caller: SimulatedProcess;
  readonly callee: () => SimulatedProcess | undefined;
  /** Called in the callee's process. */
  readonly handle: (request: Request, signal: AbortSignal) => AsyncIterable<Piece>;
}

/** Makes a stream over the network: each piece is asked for and sent as a call of its own, and a lost one ends the stream. */
export const remoteStream =
  <Request, Piece>(method: RemoteStream<Request, Piece>): StreamCall<Request, Piece> =>
  (request, { signal }) =>
    pieces(method, request, signal);

/** How long a piece is waited for, in the caller's time. */
const pieceTimeoutMs = 2000;

async function* pieces<Request, Piece>(
  method: RemoteStream<Request, Piece>,
  request: Request,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const callee = method.callee();
  const ended = new AbortController();
  let source: AsyncIterator<Piece> | undefined;
  const ask = remoteCall<unknown, IteratorResult<Piece, unknown>>({
    ...method,
    // Of another process than the one it began with nothing more comes.
    callee: () => (callee === method.callee() ? callee : undefined),
    handle: () => {
      source ??= method.handle(request, ended.signal)[Symbol.asyncIterator]();
      return source.next();
    },
    mayDuplicate: false,
  });
  try {
    for (let asked: unknown = request; ; asked = 'next') {
      const { done, value } = await ask(asked, { timeoutMs: pieceTimeoutMs, signal });
      if (done === true) return;
      yield value;
    }
  } finally {
    const { network, from, to, name } = method;
    network.send({ from, to, name: `${name} cancel` }, '', callee, () => ended.abort());
  }
}
