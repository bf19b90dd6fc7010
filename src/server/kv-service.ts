import type { Server } from '@grpc/grpc-js';
import {
  KVServiceService as definition,
  type AppendResponse,
  type CloseSessionRequest,
  type GetRequest,
  type GetResponse,
  type OpenSessionResponse,
  type PipelineRequest,
  type PipelineResponse,
  type PutHashResponse,
  type PutRequest,
  type PutResponse,
} from '../../gen/synod/kv/v1/kv.js';
import { clientId, type Request, type Result, type WriteOperation } from '../kv/operation.js';
import { sessionFromWire } from '../kv/wire.js';
import { duplex, unary, type HandlerHooks } from '../rpc/handlers.js';
import { strictly } from '../rpc/strict.js';
import { wellFormed } from '../rpc/well-formed.js';
import { servePipeline } from './pipeline-service.js';

type Execute = (request: Request, signal: AbortSignal) => Promise<Result>;

const unexpected = (result: Result): never => {
  throw new Error(`the request was answered with ${result.kind}`);
};

/** Serves `synod.kv.v1.KVService`. */
export function serveKeyValue(server: Server, execute: Execute, hooks: HandlerHooks): void {
  const write = <Response>(kind: WriteOperation['kind'], respond: (result: Result) => Response) =>
    unary((request: PutRequest, { signal }) => {
      const session = wellFormed(() => sessionFromWire(request.session));
      const operation: WriteOperation = { kind, key: request.key, value: request.value };
      return execute({ kind: 'operation', operation, session }, signal).then(respond);
    }, hooks);
  server.addService(strictly(definition), {
    get: unary(async ({ key }: GetRequest, { signal }): Promise<GetResponse> => {
      const result = await execute(
        { kind: 'operation', operation: { kind: 'get', key }, session: undefined },
        signal,
      );
      return result.kind === 'get' ? { value: result.value, found: result.found } : unexpected(result);
    }, hooks),
    put: write('put', (): PutResponse => ({})),
    append: write('append', (): AppendResponse => ({})),
    putHash: write('put-hash', (result): PutHashResponse =>
      result.kind === 'put-hash' ? { previousValue: result.previousValue } : unexpected(result),
    ),
    openSession: unary(async (_request, { signal }): Promise<OpenSessionResponse> => {
      const result = await execute({ kind: 'open-session' }, signal);
      return result.kind === 'session-opened' ? { clientId: result.clientId } : unexpected(result);
    }, hooks),
    closeSession: unary(async (request: CloseSessionRequest, { signal }) => {
      await execute(
        { kind: 'close-session', clientId: wellFormed(() => clientId(request.clientId)) },
        signal,
      );
      return {};
    }, hooks),
    pipeline: duplex<PipelineRequest, PipelineResponse>(
      (send, context) => servePipeline(execute, send, context),
      hooks,
    ),
  });
}
