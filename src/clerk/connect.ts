import { KVServiceService as definition } from '../../gen/synod/kv/v1/kv.js';
import { ViewServiceService as viewDefinition } from '../../gen/synod/view/v1/view.js';
import { defaultSessionParameters } from '../kv/limits.js';
import { clientId, type Operation, type Request, type Result, type Session } from '../kv/operation.js';
import { writeRequest } from '../kv/wire.js';
import { formatAddress, parseAddress } from '../rpc/address.js';
import { openChannel, unaryCall } from '../rpc/channel.js';
import type { CallOptions } from '../rpc/link.js';
import { realClock } from '../runtime/real-clock.js';
import { realRandom } from '../runtime/real-random.js';
import { BaseClerk } from './base-clerk.js';
import type { ClientLink } from './client-link.js';
import { EndpointsRoute } from './endpoints-route.js';
import type { Route } from './route.js';
import type { ViewLink } from './view-link.js';
import { ViewRoute } from './view-route.js';

/** Where the replicas are. An address is `HOST:PORT`, `[V6]:PORT` or `unix:/PATH`. */
export type ClerkTarget =
  | {
      /** Addresses of replicas. Tried in turn, beginning with the first. */
      readonly endpoints: readonly string[];
      readonly viewService?: never;
    }
  | {
      /** Address of the view service that names the primary, for the engine `primary-backup`. */
      readonly viewService: string;
      readonly endpoints?: never;
    };

export type ClerkOptions = ClerkTarget & {
  /** How long one attempt at one replica may take; default 1,000. */
  readonly attemptTimeoutMs?: number;
};

/**
 * A client of the store that fails over between replicas. Connects when first used.
 * @throws RangeError if there is no endpoint, neither endpoints nor a view service or both, or one is no address
 */
export class Clerk extends BaseClerk {
  constructor(options: ClerkOptions) {
    const { attemptTimeoutMs = 1000 } = options;
    super({
      route: routeTo(options, attemptTimeoutMs),
      attemptTimeoutMs,
      sequenceWindow: defaultSessionParameters.sequenceWindow,
      clock: realClock,
    });
  }
}

/** The types let only one of the two through, but not every caller has types. */
function routeTo(
  { endpoints, viewService }: { readonly endpoints?: readonly string[]; readonly viewService?: string },
  timeoutMs: number,
): Route {
  if (endpoints !== undefined && viewService !== undefined) {
    throw new RangeError('a clerk takes endpoints or a view service, not both');
  }
  if (viewService !== undefined) {
    const view = viewLink(viewService);
    return new ViewRoute({ view, open: clientLink, timeoutMs, clock: realClock, random: realRandom });
  }
  if (endpoints === undefined) throw new RangeError('a clerk needs endpoints or a view service');
  if (endpoints.length === 0) throw new RangeError('a clerk needs at least one endpoint');
  return new EndpointsRoute(endpoints.map(clientLink), realRandom);
}

/** The way to a view service over a channel of its own. */
function viewLink(endpoint: string): ViewLink {
  const address = parseAddress(endpoint);
  const channel = openChannel(address, { between: 'client-and-replica' });
  const ask = unaryCall(channel, viewDefinition.getView);
  return {
    address: formatAddress(address),
    getView: async (_request, options) => {
      const { view, trouble } = await ask({}, options);
      const { viewNumber = 0, primary = '' } = view ?? {};
      return { number: viewNumber, primary: primary === '' ? undefined : primary, trouble };
    },
    close: () => channel.close(),
  };
}

/** The way to one replica over a channel of its own. */
function clientLink(endpoint: string): ClientLink {
  const address = parseAddress(endpoint);
  const channel = openChannel(address, { between: 'client-and-replica' });
  const methods = {
    get: unaryCall(channel, definition.get),
    put: unaryCall(channel, definition.put),
    append: unaryCall(channel, definition.append),
    putHash: unaryCall(channel, definition.putHash),
    openSession: unaryCall(channel, definition.openSession),
    closeSession: unaryCall(channel, definition.closeSession),
  };
  const operate = async (
    operation: Operation,
    session: Session | undefined,
    options: CallOptions,
  ): Promise<Result> => {
    switch (operation.kind) {
      case 'get':
        return { kind: 'get', ...(await methods.get({ key: operation.key }, options)) };
      case 'put':
        await methods.put(writeRequest(operation, session), options);
        return { kind: 'put' };
      case 'append':
        await methods.append(writeRequest(operation, session), options);
        return { kind: 'append' };
      case 'put-hash': {
        const { previousValue } = await methods.putHash(writeRequest(operation, session), options);
        return { kind: 'put-hash', previousValue };
      }
    }
  };
  const execute = async (request: Request, options: CallOptions): Promise<Result> => {
    switch (request.kind) {
      case 'operation':
        return operate(request.operation, request.session, options);
      case 'open-session':
        return {
          kind: 'session-opened',
          clientId: clientId((await methods.openSession({}, options)).clientId),
        };
      case 'close-session':
        await methods.closeSession({ clientId: request.clientId }, options);
        return { kind: 'session-closed' };
    }
  };
  return { address: formatAddress(address), execute, close: () => channel.close() };
}
