import { connect, createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import {
  type Client,
  type ClientDuplexStream,
  type Interceptor,
  type Server,
  type ServerDuplexStream,
  type StatusObject,
} from '@grpc/grpc-js';
import { expect } from 'chai';
import { OmniPaxosPeerServiceService as definition } from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import { replicaId } from '../../src/log/ids.js';
import type { Roster } from '../../src/log/roster.js';
import type { Message } from '../../src/omnipaxos/messages.js';
import { omnipaxosLink, serveOmnipaxos, type Exchange } from '../../src/omnipaxos/service.js';
import { CallError } from '../../src/rpc/call-error.js';
import { openChannel } from '../../src/rpc/channel.js';
import type { Duplex, DuplexEvents } from '../../src/rpc/link.js';
import { listen, newServer } from '../../src/rpc/server.js';
import { ballotOf } from './paxos-values.js';
import { rawMethod } from './raw-method.js';
import { rosterOf } from './rosters.js';

/** Looks every 10 ms, for at most five seconds. */
export const untilTrue = async (what: string, condition: () => boolean): Promise<void> => {
  for (let waited = 0; waited < 500 && !condition(); waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(condition(), `${what}: not within five seconds`).to.equal(true);
};
export const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const ballot = ballotOf(1, 1);

/** A message that can be told from others. */
export const numbered = (number: number): Message => ({ kind: 'confirm', ballot, number });

/** A message of a little more than so many bytes. */
export const filled = (bytes: number): Message => ({
  kind: 'accept-decide',
  ballot,
  sync: 1,
  counter: 1,
  first: 0,
  values: [Buffer.alloc(bytes, 7)],
  decidedEnd: 0,
});

/** One end of a stream, and everything it was told. */
export class End implements DuplexEvents<Exchange> {
  readonly frames: Exchange[] = [];
  readonly ends: (Error | undefined)[] = [];
  stream!: Duplex<Exchange>;
  /** Called with every frame, after it was noted. */
  onFrame: (frame: Exchange) => void = () => undefined;
  #isSending = false;

  constructor(
    private readonly roster: Roster,
    private readonly peer: number,
  ) {}

  readonly received = (frame: Exchange): void => {
    expect(this.#isSending, 'received within a send').to.equal(false);
    this.frames.push(frame);
    this.onFrame(frame);
  };

  readonly ended = (error: Error | undefined): void => {
    expect(this.#isSending, 'ended within a send').to.equal(false);
    this.ends.push(error);
  };

  send(...messages: Message[]): void {
    this.#isSending = true;
    this.stream.send(this.roster.envelope(replicaId(this.peer), messages));
    this.#isSending = false;
  }

  get numbers(): number[] {
    return this.frames.flatMap(({ body }) =>
      body.map((message) => (message.kind === 'confirm' ? message.number : -1)),
    );
  }

  /** The code and reason of the one end there was. */
  get end(): { readonly code: string; readonly reason: string; readonly message: string } {
    expect(this.ends).to.have.length(1);
    const [error] = this.ends;
    if (!(error instanceof CallError)) throw new Error(`expected a CallError, got ${String(error)}`);
    return { code: error.code, reason: error.reason, message: error.message };
  }
}

/** Carries bytes between a client and a server, until it is told to break or to fall silent. */
export class Wire {
  readonly #sockets: Socket[] = [];
  #isSilent = false;

  private constructor(private readonly server: TcpServer) {}

  static async to(port: number): Promise<Wire> {
    const wire: Wire = new Wire(
      createServer((near) => {
        const far = connect(port, '127.0.0.1');
        for (const [from, to] of [
          [near, far],
          [far, near],
        ] as const) {
          wire.#sockets.push(from);
          from.on('data', (bytes) => wire.#isSilent || to.write(bytes));
          from.on('error', () => undefined);
          from.on('close', () => wire.#isSilent || to.destroy());
        }
      }),
    );
    await new Promise<void>((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  silence(): void {
    this.#isSilent = true;
  }

  break(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.break();
    this.server.close();
  }
}

export type RawStream = ClientDuplexStream<Buffer, Buffer>;

export const statusOf = (stream: RawStream): Promise<StatusObject> =>
  new Promise((resolve) => stream.on('status', resolve));

/** Replica 2 serves on a socket of its own, and replica 1 dials it. */
export class PeerStreams {
  readonly serving: Roster = rosterOf(2, 3);
  readonly dialing: Roster = rosterOf(1, 3);
  /** The serving ends, in the order in which their streams came. */
  readonly accepted: End[] = [];
  /** What the serving side is to do with a stream that comes. */
  onAccept: (end: End) => void = () => undefined;
  readonly server: Server = newServer();
  readonly #closing: (() => void)[] = [];

  private constructor(
    /** Given once it listens. */
    public port = 0,
  ) {
    serveOmnipaxos(this.server, this.serving, (stream) => {
      const end = new End(this.serving, 1);
      end.stream = stream;
      this.accepted.push(end);
      this.onAccept(end);
      return end;
    });
  }

  static async open(): Promise<PeerStreams> {
    const streams = new PeerStreams();
    streams.port = await streams.#listen(streams.server);
    return streams;
  }

  close(): void {
    for (const close of this.#closing) close();
    this.server.forceShutdown();
  }

  /** Closes it when the test is over. */
  keep<Kept extends { close(): void }>(kept: Kept): Kept {
    this.#closing.push(() => kept.close());
    return kept;
  }

  channelTo(port: number, ...interceptors: Interceptor[]): Client {
    const address = { kind: 'tcp', host: '127.0.0.1', port } as const;
    return this.keep(openChannel(address, { between: 'replicas', interceptors }));
  }

  dial(channel = this.channelTo(this.port)): End {
    const end = new End(this.dialing, 2);
    end.stream = omnipaxosLink(this.dialing, replicaId(2), channel).exchange(end);
    return end;
  }

  /** A new stream on which both sides have heard each other. */
  async connected(channel = this.channelTo(this.port)): Promise<{ readonly near: End; readonly far: End }> {
    const before = this.accepted.length;
    const near = this.dial(channel);
    near.send(numbered(0));
    await untilTrue('the stream is accepted', () => this.accepted[before]?.frames.length === 1);
    const far = this.accepted[before]!;
    far.send(numbered(0));
    await untilTrue('the stream answers', () => near.frames.length === 1);
    return { near, far };
  }

  /** A client whose frames are bytes. */
  dialRaw(): RawStream {
    const { path, requestSerialize, responseDeserialize } = rawMethod(definition.exchange.path);
    const stream = this.channelTo(this.port).makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
    );
    stream.on('error', () => undefined);
    return stream;
  }

  /** Dials a server whose frames are bytes. */
  async dialRawServer(handle: (stream: ServerDuplexStream<Buffer, Buffer>) => void): Promise<End> {
    const server = newServer();
    const method = { ...rawMethod(definition.exchange.path), requestStream: true, responseStream: true };
    server.addService({ exchange: method }, { exchange: handle });
    const port = await this.#listen(server);
    this.#closing.push(() => server.forceShutdown());
    return this.dial(this.channelTo(port));
  }

  async #listen(server: Server): Promise<number> {
    const address = await listen(server, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    if (address.kind !== 'tcp') throw new Error('a TCP address was asked for');
    return address.port;
  }
}
