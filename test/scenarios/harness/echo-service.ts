import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, Interceptor, MethodDefinition, ServerInterceptor, status } from '@grpc/grpc-js';
import { openChannel, unaryCall } from '../../../src/rpc/channel.js';
import { duplex, unary } from '../../../src/rpc/handlers.js';
import type { Call } from '../../../src/rpc/link.js';
import { listen, newServer, shutDown } from '../../../src/rpc/server.js';
import type { Decoded } from '../../../src/rpc/strict.js';

const toBytes = (text: string): Buffer => Buffer.from(text);
const toText = (bytes: Buffer): string => bytes.toString();

const methodDefinition = (path: string, isStream: boolean): MethodDefinition<string, string> => ({
  path,
  requestStream: isStream,
  responseStream: isStream,
  requestSerialize: toBytes,
  requestDeserialize: toText,
  responseSerialize: toBytes,
  responseDeserialize: toText,
});

const echo = methodDefinition('/test.Echo/Echo', false);
const pipe = methodDefinition('/test.Echo/Pipe', true);
const healthLike = methodDefinition('/grpc.health.v1.Health/Check', false);

const served = (method: MethodDefinition<string, string>) => ({
  ...method,
  requestDeserialize: (bytes: Buffer): Decoded<string> => ({ ok: true, message: toText(bytes) }),
});

/** A server that answers texts with themselves and remembers them, for tests of the fault model itself. */
export class EchoService {
  /** What the handlers have executed, in order. */
  readonly executed: string[] = [];
  /** Holds every unary answer back until it resolves. */
  gate: Promise<void> = Promise.resolve();
  readonly #server;
  readonly #channels: Client[] = [];

  private constructor(
    private readonly directory: string,
    interceptor: ServerInterceptor,
  ) {
    this.#server = newServer([interceptor]);
    const answer = unary(async (text: string) => {
      this.executed.push(text);
      await this.gate;
      return text;
    });
    this.#server.addService(
      { echo: served(echo), pipe: served(pipe), health: served(healthLike) },
      {
        echo: answer,
        health: answer,
        pipe: duplex<string, string>((send) => ({
          receive: (text) => {
            this.executed.push(text);
            send(text);
          },
          finish: () => Promise.resolve(),
        })),
      },
    );
  }

  static async start(interceptor: ServerInterceptor): Promise<EchoService> {
    const service = new EchoService(await mkdtemp(join(tmpdir(), 'synod-echo-')), interceptor);
    await listen(service.#server, { kind: 'unix', path: service.#socket });
    return service;
  }

  connect(interceptor?: Interceptor): {
    readonly echo: Call<string, string>;
    readonly health: Call<string, string>;
  } {
    const channel = this.#open(interceptor);
    return { echo: unaryCall(channel, echo), health: unaryCall(channel, healthLike) };
  }

  /** Sends one text over a stream; resolves with what came back before the stream ended, and its code. */
  sendOverStream(text: string): Promise<{ readonly received: readonly string[]; readonly code: status }> {
    const stream = this.#open(undefined).makeBidiStreamRequest(
      pipe.path,
      pipe.requestSerialize,
      pipe.responseDeserialize,
    );
    const received: string[] = [];
    return new Promise((resolve) => {
      stream.on('data', (answer: string) => received.push(answer));
      stream.on('error', () => undefined);
      stream.on('status', ({ code }) => resolve({ received, code }));
      stream.write(text);
      stream.end();
    });
  }

  async close(): Promise<void> {
    for (const channel of this.#channels) channel.close();
    await shutDown(this.#server, 0);
    await rm(this.directory, { recursive: true, force: true });
  }

  get #socket(): string {
    return join(this.directory, 'echo.sock');
  }

  #open(interceptor: Interceptor | undefined): Client {
    const interceptors = interceptor === undefined ? [] : [interceptor];
    const channel = openChannel({ kind: 'unix', path: this.#socket }, { between: 'replicas', interceptors });
    this.#channels.push(channel);
    return channel;
  }
}
