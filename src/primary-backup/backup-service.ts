import type { Client, Server } from '@grpc/grpc-js';
import {
  BackupServiceService as definition,
  type ForwardRequest,
  type PullStateRequest,
} from '../../gen/synod/backup/v1/backup.js';
import { CallError } from '../rpc/call-error.js';
import { streamCall, unaryCall } from '../rpc/channel.js';
import { serverStream, unary, type HandlerHooks } from '../rpc/handlers.js';
import { strictly } from '../rpc/strict.js';
import { wellFormed } from '../rpc/well-formed.js';
import type { BackupLink, Forward, ForwardAnswer, Standing, StatePiece } from './messages.js';
import { PullRefused } from './replica.js';
import {
  forwardAnswerFromWire,
  forwardAnswerToWire,
  forwardFromWire,
  forwardToWire,
  pieceFromWire,
  pieceToWire,
  pullFromWire,
  pullToWire,
} from './wire.js';

/** Whatever takes forwards and hands out its state. */
export interface BackupHandlers {
  handleForward(forward: Forward): ForwardAnswer;
  handlePull(standing: Standing, signal: AbortSignal): AsyncIterable<StatePiece>;
}

/** Serves `synod.backup.v1.BackupService`. */
export function serveBackup(server: Server, handlers: BackupHandlers, hooks: HandlerHooks): void {
  server.addService(strictly(definition), {
    forward: unary((message: ForwardRequest) => {
      const forward = wellFormed(() => forwardFromWire(message));
      return Promise.resolve(forwardAnswerToWire(handlers.handleForward(forward)));
    }, hooks),
    pullState: serverStream(async function* (message: PullStateRequest, { signal }) {
      const standing = wellFormed(() => pullFromWire(message));
      try {
        for await (const piece of handlers.handlePull(standing, signal)) yield pieceToWire(piece);
      } catch (error) {
        if (!(error instanceof PullRefused)) throw error;
        throw new CallError({ code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', message: error.message });
      }
    }, hooks),
  });
}

/** The way to another server over a channel, which it closes. */
export function backupLink(channel: Client): BackupLink {
  const forward = unaryCall(channel, definition.forward);
  const pull = streamCall(channel, definition.pullState);
  return {
    forward: async (message, options) =>
      forwardAnswerFromWire(await forward(forwardToWire(message), options)),
    pullState: async function* (standing, options) {
      for await (const message of pull(pullToWire(standing), options)) yield pieceFromWire(message);
    },
    close: () => channel.close(),
  };
}
