import { Client, credentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import {
  PeerServiceService as definition,
  type PullSnapshotRequest,
  type PullSnapshotResponse,
} from '../../gen/synod/peer/v1/peer.js';
import type { Enveloped } from '../../src/log/header.js';
import { replicaId } from '../../src/log/ids.js';
import { PeerRefusal, type Roster } from '../../src/log/roster.js';
import { CallError } from '../../src/rpc/call-error.js';
import { streamCall } from '../../src/rpc/channel.js';
import { peerStream, peerStreamMethod } from '../../src/rpc/peer-method.js';
import { strictly } from '../../src/rpc/strict.js';
import type { PullRequest, SnapshotPiece } from '../../src/server/snapshot-transfer.js';
import { pieceCodec, pullCodec } from '../../src/server/snapshot-wire.js';
import { rawMethod } from '../support/raw-method.js';
import { rejection } from '../support/rejection.js';
import { rosterOf } from '../support/rosters.js';
import { serve, type Served } from '../support/served.js';

type Handle = (
  request: Enveloped<PullRequest>,
  signal: AbortSignal,
) => AsyncIterable<Enveloped<SnapshotPiece>>;

const until = async (condition: () => boolean): Promise<void> => {
  for (let waited = 0; waited < 500 && !condition(); waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(condition(), 'still not so after five seconds').to.equal(true);
};

describe('a method between replicas that answers with a stream', () => {
  let served: Served;
  let handle: Handle;
  /** Of replica 2, which serves, and of replica 1, which asks. */
  let serving: Roster;
  let asking: Roster;
  let method: ReturnType<
    typeof peerStreamMethod<PullRequest, PullSnapshotRequest, SnapshotPiece, PullSnapshotResponse>
  >;

  before(async () => {
    served = await serve((server) =>
      server.addService(strictly(definition), {
        hello: () => undefined,
        pullSnapshot: (call: Parameters<typeof method>[0]) => {
          method(call);
        },
      }),
    );
  });

  beforeEach(() => {
    serving = rosterOf(2, 3);
    asking = rosterOf(1, 3);
    method = peerStreamMethod(serving, pullCodec, pieceCodec, (request, signal) => handle(request, signal));
  });

  after(() => served.close());

  const piece = (number: number, bytes = 10): Enveloped<SnapshotPiece> =>
    serving.envelope(replicaId(1), {
      through: 7,
      chunk: { number, content: Buffer.alloc(bytes, number), crc: number, last: false },
    });

  const pull = (signal = new AbortController().signal) =>
    peerStream(
      asking,
      replicaId(2),
      served.channel,
      definition.pullSnapshot,
      pullCodec,
      pieceCodec,
    )(asking.envelope(replicaId(2), { through: 3, firstChunk: 4 }), { signal });

  const collected = async (stream: AsyncIterable<Enveloped<SnapshotPiece>>): Promise<number[]> => {
    const numbers: number[] = [];
    for await (const { body } of stream) numbers.push(body.chunk.number);
    return numbers;
  };

  const failing = (error: Error): Handle =>
    async function* () {
      yield await Promise.resolve(piece(0));
      throw error;
    };

  it('brings the request and every answer over whole and in order, with their headers', async () => {
    let asked: Enveloped<PullRequest> | undefined;
    handle = async function* (request) {
      asked = request;
      for (let number = 0; number < 20; number += 1) yield await Promise.resolve(piece(number, 50_000));
    };
    const answers: Enveloped<SnapshotPiece>[] = [];
    for await (const answer of pull()) answers.push(answer);
    expect(asked?.body).to.deep.equal({ through: 3, firstChunk: 4 });
    expect(asked?.header).to.deep.include({ from: 1, to: 2, incarnation: asking.incarnation });
    expect(answers.map(({ body }) => body.chunk.number)).to.deep.equal(
      Array.from({ length: 20 }, (_, n) => n),
    );
    expect(answers[19]?.header.from).to.equal(2);
    expect(Buffer.compare(answers[19]!.body.chunk.content, Buffer.alloc(50_000, 19))).to.equal(0);
  });

  it('ends well without any answer', async () => {
    handle = async function* () {
      await Promise.resolve();
    };
    expect(await collected(pull())).to.deep.equal([]);
  });

  it('asks the handler for no more than the receiver takes', async () => {
    let made = 0;
    handle = async function* () {
      for (; made < 400; made += 1) yield await Promise.resolve(piece(made, 250_000));
    };
    const stream = pull()[Symbol.asyncIterator]();
    await stream.next();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(made).to.be.below(100);
    await stream.return?.();
  });

  it('fails at the receiver with what the handler refuses, and is noted in its roster', async () => {
    for (const [refusal, code, reason] of [
      ['closed', 'UNAVAILABLE', 'NOT_PROPOSED'],
      ['not-introduced', 'UNAVAILABLE', 'NOT_PROPOSED'],
      ['garbled', 'INVALID_ARGUMENT', 'BAD_REQUEST'],
      ['changed-incarnation', 'FAILED_PRECONDITION', 'CHANGED_INCARNATION'],
      ['wrong-cluster', 'FAILED_PRECONDITION', 'PEER_REFUSED'],
    ] as const) {
      asking = rosterOf(1, 3);
      handle = failing(new PeerRefusal(refusal, `refused as ${refusal}`));
      const error = await rejection(collected(pull()), CallError);
      expect(error).to.deep.include({ code, reason, message: `refused as ${refusal}` });
      const isNoted = code === 'FAILED_PRECONDITION';
      expect(asking.peer(replicaId(2)).refusal).to.equal(
        isNoted ? `refused by replica 2: refused as ${refusal}` : '',
      );
    }
  });

  it('hands on what came before the failure', async () => {
    handle = failing(new Error('oops'));
    const numbers: number[] = [];
    const read = async () => {
      for await (const { body } of pull()) numbers.push(body.chunk.number);
    };
    expect((await rejection(read(), CallError)).code).to.equal('INTERNAL');
    expect(numbers).to.deep.equal([0]);
  });

  it('refuses and counts a request that does not decode or is garbled, and never calls the handler', async () => {
    handle = () => expect.fail('the handler was called');
    for (const bytes of [
      [0x0a, 5, 0x6b],
      [0x18, 1],
    ]) {
      const raw = streamCall(served.channel, rawMethod(definition.pullSnapshot.path));
      const read = async () => {
        for await (const _ of raw(Buffer.from(bytes), { signal: new AbortController().signal })) break;
      };
      expect((await rejection(read(), CallError)).code).to.equal('INVALID_ARGUMENT');
    }
    expect(serving.refusals.get('garbled')).to.equal(2);
  });

  for (const [how, leave] of [
    ['leaves the iteration', (): boolean => true],
    ['aborts its signal', (abort: AbortController): boolean => (abort.abort(), false)],
  ] as const) {
    it(`tells the handler when the receiver ${how}`, async () => {
      let given: AbortSignal | undefined;
      let hasEnded = false;
      handle = async function* (_request, signal) {
        given = signal;
        try {
          for (let number = 0; !signal.aborted; number += 1) {
            yield piece(number);
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
        } finally {
          hasEnded = true;
        }
      };
      const abort = new AbortController();
      const read = async () => {
        for await (const { body } of pull(abort.signal)) if (body.chunk.number === 2 && leave(abort)) break;
      };
      await read().catch((error: unknown) => expect(error).to.be.instanceOf(CallError));
      await until(() => given?.aborted === true && hasEnded);
    });
  }

  it('is not begun on a signal that has aborted', async () => {
    let called = false;
    handle = async function* () {
      called = true;
      yield await Promise.resolve(piece(0));
    };
    expect((await rejection(collected(pull(AbortSignal.abort())), CallError)).code).to.equal('CANCELLED');
    expect(called).to.equal(false);
  });

  it('fails as unavailable when nobody is there', async () => {
    const channel = new Client('127.0.0.1:1', credentials.createInsecure());
    const call = streamCall(channel, definition.pullSnapshot);
    const message = pullCodec.write(asking.envelope(replicaId(2), { through: undefined, firstChunk: 0 }));
    const read = async () => {
      for await (const _ of call(message, { signal: new AbortController().signal })) break;
    };
    expect((await rejection(read(), CallError)).code).to.equal('UNAVAILABLE');
    channel.close();
  });
});
