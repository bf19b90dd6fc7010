import type { Client, Server } from '@grpc/grpc-js';
import { ViewServiceService as definition, type PingRequest } from '../../gen/synod/view/v1/view.js';
import { unaryCall } from '../rpc/channel.js';
import { unary, type HandlerHooks } from '../rpc/handlers.js';
import { strictly } from '../rpc/strict.js';
import { wellFormed } from '../rpc/well-formed.js';
import type { ViewLink } from './messages.js';
import type { ViewServer } from './view-server.js';
import { newsFromWire, newsToWire, pingFromWire, pingToWire, viewAnswerToWire } from './wire.js';

/** Serves `synod.view.v1.ViewService`. */
export function serveViews(server: Server, views: ViewServer, hooks: HandlerHooks): void {
  server.addService(strictly(definition), {
    ping: unary(
      (message: PingRequest) =>
        Promise.resolve(newsToWire(wellFormed(() => views.handlePing(pingFromWire(message))))),
      hooks,
    ),
    getView: unary(() => Promise.resolve(viewAnswerToWire(views.news, views.servers)), hooks),
  });
}

/** The way to the view service over a channel. */
export function viewLink(channel: Client): ViewLink {
  const ping = unaryCall(channel, definition.ping);
  return { ping: async (message, options) => newsFromWire(await ping(pingToWire(message), options)) };
}
