import { Metadata, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { expect } from 'chai';
import {
  KVServiceService as definition,
  type GetRequest,
  type GetResponse,
  type PipelineRequest,
  type PipelineResponse,
} from '../../gen/synod/kv/v1/kv.js';
import { CallError } from '../../src/rpc/call-error.js';
import { unaryCall } from '../../src/rpc/channel.js';
import { duplex, unary, type CallContext, type StreamHandler } from '../../src/rpc/handlers.js';
import { strictly } from '../../src/rpc/strict.js';
import { fromServiceError } from '../../src/rpc/status-wire.js';
import { turns } from '../support/fake-clock.js';
import { rawMethod } from '../support/raw-method.js';
import { rejection } from '../support/rejection.js';
import { serve, type Served } from '../support/served.js';

const timeoutMs = 5000;

type Get = (request: GetRequest, context: CallContext) => Promise<GetResponse>;
type Open = (send: (reply: PipelineResponse) => void, context: CallContext) => StreamHandler<PipelineRequest>;

const frameOf = (clientId: number): PipelineRequest => ({ clientId, acknowledgedThrough: 0, operations: [] });
const replyOf = (tag: number): PipelineResponse => ({ results: [{ tag, result: undefined }] });
const tagsOf = (replies: readonly PipelineResponse[]) =>
  replies.flatMap(({ results }) => results.map(({ tag }) => tag));

const until = async (condition: () => boolean): Promise<void> => {
  for (let waited = 0; waited < 500 && !condition(); waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(condition(), 'still not so after five seconds').to.equal(true);
};

describe('a served method', () => {
  let served: Served;
  let handleGet: Get;
  let open: Open;
  let malformed: string[];
  let failed: unknown[];

  before(async () => {
    const unused = () => Promise.reject(new Error('not called here'));
    const hooks = {
      malformed: (problem: string) => malformed.push(problem),
      failed: (error: unknown) => failed.push(error),
    };
    served = await serve((server) =>
      server.addService(strictly(definition), {
        get: unary<GetRequest, GetResponse>((request, context) => handleGet(request, context), hooks),
        put: unary(unused),
        append: unary(unused),
        putHash: unary(unused),
        openSession: unary(unused),
        closeSession: unary(unused),
        pipeline: duplex<PipelineRequest, PipelineResponse>((send, context) => open(send, context), hooks),
      }),
    );
  });

  beforeEach(() => {
    malformed = [];
    failed = [];
  });

  after(() => served.close());

  describe('of one request and one reply', () => {
    const get = (key: string, signal?: AbortSignal) =>
      unaryCall(served.channel, definition.get)({ key }, { timeoutMs, ...(signal && { signal }) });
    const getRaw = (bytes: readonly number[]) =>
      unaryCall(served.channel, rawMethod(definition.get.path))(Buffer.from(bytes), { timeoutMs });

    it('answers with what the handler resolves to', async () => {
      handleGet = ({ key }) => Promise.resolve({ value: `value of ${key}`, found: true });
      expect(await get('key')).to.deep.equal({ value: 'value of key', found: true });
    });

    it('fails with code, reason and trailers of what the handler rejects with', async () => {
      handleGet = () =>
        Promise.reject(
          new CallError({
            code: 'RESOURCE_EXHAUSTED',
            reason: 'QUEUE_FULL',
            message: 'too much waits: größer als 64 MiB',
            retryAfterMs: 250,
            leader: '127.0.0.1:8002',
          }),
        );
      const error = await rejection(get('key'), CallError);
      expect(error).to.deep.include({
        code: 'RESOURCE_EXHAUSTED',
        reason: 'QUEUE_FULL',
        message: 'too much waits: größer als 64 MiB',
        retryAfterMs: 250,
        leader: '127.0.0.1:8002',
      });
      expect(failed).to.deep.equal([]);
    });

    it('fails with INTERNAL if the handler fails in a way it does not name, and reports it', async () => {
      const cause = new TypeError('oops');
      handleGet = () => Promise.reject(cause);
      const error = await rejection(get('key'), CallError);
      expect(error).to.deep.include({
        code: 'INTERNAL',
        reason: 'UNKNOWN',
        message: 'internal error: oops',
      });
      expect(failed).to.deep.equal([cause]);
    });

    it('refuses text that is not UTF-8, and never calls the handler', async () => {
      let called = false;
      handleGet = () => {
        called = true;
        return Promise.resolve({ value: '', found: true });
      };
      const error = await rejection(getRaw([0x0a, 2, 0xc0, 0x80]), CallError);
      expect(error).to.deep.include({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
      expect(malformed).to.have.length(1);
      expect(called).to.equal(false);
    });

    it('refuses a request that was cut short, and never calls the handler', async () => {
      let called = false;
      handleGet = () => {
        called = true;
        return Promise.resolve({ value: '', found: true });
      };
      const error = await rejection(getRaw([0x0a, 5, 0x6b]), CallError);
      expect(error).to.deep.include({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
      expect(malformed).to.have.length(1);
      expect(called).to.equal(false);
    });

    it('is refused where no such method is served', async () => {
      const call = unaryCall(served.channel, rawMethod('/synod.kv.v1.KVService/Nothing'));
      const error = await rejection(call(Buffer.alloc(0), { timeoutMs }), CallError);
      expect(error).to.deep.include({ code: 'UNIMPLEMENTED', reason: 'UNKNOWN' });
    });

    it('tells the handler when the client has cancelled', async () => {
      let aborted = false;
      handleGet = (_request, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve({ value: '', found: false });
          });
          abort.abort();
        });
      const abort = new AbortController();
      const error = await rejection(get('key', abort.signal), CallError);
      expect(error.code).to.equal('CANCELLED');
      await until(() => aborted);
    });

    it('tells the handler when the deadline has passed', async () => {
      let aborted = false;
      handleGet = (_request, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            resolve({ value: '', found: false });
          });
        });
      const call = unaryCall(served.channel, definition.get)({ key: 'key' }, { timeoutMs: 50 });
      expect((await rejection(call, CallError)).code).to.equal('DEADLINE_EXCEEDED');
      await until(() => aborted);
    });

    it('is not sent at all on a signal that has aborted', async () => {
      let called = false;
      handleGet = () => {
        called = true;
        return Promise.resolve({ value: '', found: false });
      };
      expect((await rejection(get('key', AbortSignal.abort()), CallError)).code).to.equal('CANCELLED');
      await turns();
      expect(called).to.equal(false);
    });
  });

  describe('of two streams', () => {
    interface Outcome {
      readonly replies: PipelineResponse[];
      readonly error: CallError | undefined;
    }

    const method = definition.pipeline;
    const dial = (): ClientDuplexStream<PipelineRequest, PipelineResponse> =>
      served.channel.makeBidiStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
      );
    const outcomeOf = <Request>(stream: ClientDuplexStream<Request, PipelineResponse>) =>
      new Promise<Outcome>((resolve) => {
        const replies: PipelineResponse[] = [];
        stream.on('data', (reply: PipelineResponse) => replies.push(reply));
        stream.on('error', (error: ServiceError) => resolve({ replies, error: fromServiceError(error) }));
        stream.on('end', () => setImmediate(() => resolve({ replies, error: undefined })));
      });

    it('takes frames in order and sends replies until everything is answered', async () => {
      const taken: number[] = [];
      open = (send) => ({
        receive: ({ clientId }) => taken.push(clientId),
        finish: () => {
          for (const tag of taken) send(replyOf(tag));
          return turns().then(() => send(replyOf(99)));
        },
      });
      const stream = dial();
      for (const clientId of [1, 2, 3]) stream.write(frameOf(clientId));
      stream.end();
      const { replies, error } = await outcomeOf(stream);
      expect(error).to.equal(undefined);
      expect(tagsOf(replies)).to.deep.equal([1, 2, 3, 99]);
    });

    it('ends with the code and reason of what the handler throws, and takes no frame after', async () => {
      const taken: number[] = [];
      open = (send) => ({
        receive: ({ clientId }) => {
          taken.push(clientId);
          if (clientId === 2) {
            throw new CallError({
              code: 'INVALID_ARGUMENT',
              reason: 'BAD_REQUEST',
              message: 'tag used twice',
            });
          }
          send(replyOf(clientId));
        },
        finish: () => Promise.resolve(),
      });
      const stream = dial();
      for (const clientId of [1, 2, 3]) stream.write(frameOf(clientId));
      const { error } = await outcomeOf(stream);
      expect(error).to.deep.include({
        code: 'INVALID_ARGUMENT',
        reason: 'BAD_REQUEST',
        message: 'tag used twice',
      });
      expect(taken).to.deep.equal([1, 2]);
    });

    it('ends with INTERNAL if the handler fails in a way it does not name, and reports it', async () => {
      const cause = new TypeError('oops');
      open = () => ({ receive: () => undefined, finish: () => Promise.reject(cause) });
      const stream = dial();
      stream.end();
      const { error } = await outcomeOf(stream);
      expect(error).to.deep.include({ code: 'INTERNAL', message: 'internal error: oops' });
      expect(failed).to.deep.equal([cause]);
    });

    it('ends at a frame that does not decode', async () => {
      const taken: unknown[] = [];
      open = () => ({ receive: (frame) => taken.push(frame), finish: () => Promise.resolve() });
      const stream = served.channel.makeBidiStreamRequest(
        method.path,
        (bytes: Buffer) => bytes,
        method.responseDeserialize,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
      );
      stream.write(Buffer.from([0x1a, 0xff]));
      const { error } = await outcomeOf(stream);
      expect(error).to.deep.include({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
      expect(taken).to.deep.equal([]);
      expect(malformed).to.have.length(1);
    });

    it('tells the handler when the client has gone, and sends nothing more', async () => {
      let signal: AbortSignal | undefined;
      let late: (() => void) | undefined;
      open = (send, context) => {
        signal = context.signal;
        late = () => send(replyOf(1));
        return { receive: () => undefined, finish: () => Promise.resolve() };
      };
      const stream = dial();
      stream.write(frameOf(1));
      const outcome = outcomeOf(stream);
      await until(() => signal !== undefined);
      stream.cancel();
      expect((await outcome).error?.code).to.equal('CANCELLED');
      await until(() => signal?.aborted === true);
      expect(() => late?.()).to.not.throw();
    });
  });
});
