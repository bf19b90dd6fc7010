import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { expect } from 'chai';
import { OmniPaxosPeerServiceService as definition } from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import { replicaId } from '../../src/log/ids.js';
import { PeerRefusal } from '../../src/log/roster.js';
import { exchangeCodec } from '../../src/omnipaxos/wire.js';
import { filled, passed, PeerStreams, statusOf, untilTrue, type End } from '../support/peer-streams.js';

describe('the frames of a stream between two replicas', () => {
  let streams: PeerStreams;

  beforeEach(async () => {
    streams = await PeerStreams.open();
  });

  afterEach(() => streams.close());

  describe('that are garbled', () => {
    const header = () => exchangeCodec.write(streams.dialing.envelope(replicaId(2), [])).header;
    const garbled: readonly (readonly [string, () => Buffer])[] = [
      ['do not decode', () => Buffer.from([0x0a, 5, 0x6b])],
      ['have no header', () => Buffer.alloc(0)],
      [
        'have a message of no known kind',
        () =>
          Buffer.from(
            definition.exchange.requestSerialize({ header: header(), messages: [{ kind: undefined }] }),
          ),
      ],
    ];

    for (const [what, frame] of garbled) {
      it(`refuses and counts those that ${what} at the serving side, and ends`, async () => {
        const stream = streams.dialRaw();
        stream.resume();
        const ended = statusOf(stream);
        stream.write(frame());
        stream.write(frame());
        expect((await ended).code).to.equal(status.INVALID_ARGUMENT);
        expect(streams.serving.refusals.get('garbled')).to.equal(1);
        expect(streams.accepted[0]!.end).to.deep.include({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
        expect(streams.accepted[0]!.frames).to.deep.equal([]);
      });

      it(`refuses and counts those that ${what} at the dialing side, and ends`, async () => {
        let isCancelled = false;
        const near = await streams.dialRawServer((stream) => {
          stream.on('cancelled', () => (isCancelled = true));
          stream.write(frame());
          stream.write(frame());
        });
        await untilTrue('it has ended', () => near.ends.length > 0);
        await untilTrue('the peer is told', () => isCancelled);
        expect(near.end).to.deep.include({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
        expect(near.frames).to.deep.equal([]);
        expect(streams.dialing.refusals.get('garbled')).to.equal(1);
        expect(streams.dialing.peer(replicaId(2)).refusal).to.not.equal('');
      });
    }
  });

  describe('whose receiver does not read', () => {
    const frameBytes = 100_000;
    const frames = 100;
    const sentBytes = frameBytes * frames;

    const fill = (end: End) => {
      for (let frame = 0; frame < frames; frame += 1) end.send(filled(frameBytes));
    };

    /** A client that has stopped after the first frame; before it, grpc-js takes in whatever comes. */
    const pausedAtOnce = async () => {
      const stream = streams.dialRaw();
      await new Promise<void>((resolve) => {
        stream.once('data', () => {
          stream.pause();
          resolve();
        });
      });
      await passed(200);
      return stream;
    };

    it('says at the dialing side how much waits, and that it has left once the receiver reads', async () => {
      let peer: ServerDuplexStream<Buffer, Buffer> | undefined;
      const near = await streams.dialRawServer((stream) => (peer = stream));
      fill(near);
      expect(near.stream.pendingBytes).to.be.within(sentBytes, sentBytes + frames * 200);
      await untilTrue('the peer is there', () => peer !== undefined);
      await passed(200);
      expect(near.stream.pendingBytes).to.be.above(sentBytes / 2);
      let readBytes = 0;
      peer!.on('data', (frame: Buffer) => (readBytes += frame.length));
      await untilTrue('all has left', () => near.stream.pendingBytes === 0);
      await untilTrue('all has come', () => readBytes >= sentBytes);
      expect(near.ends).to.deep.equal([]);
    });

    it('says at the serving side how much waits, and that it has left once the receiver reads', async () => {
      streams.onAccept = fill;
      const stream = await pausedAtOnce();
      expect(streams.accepted[0]!.stream.pendingBytes).to.be.above(sentBytes / 2);
      let readBytes = 0;
      stream.on('data', (frame: Buffer) => (readBytes += frame.length));
      stream.resume();
      await untilTrue('all has left', () => streams.accepted[0]!.stream.pendingBytes === 0);
      await untilTrue('all has come', () => readBytes >= sentBytes - frameBytes);
      stream.cancel();
    });

    it('drops what waits when it ends, and what still comes', async () => {
      streams.onAccept = fill;
      const stream = await pausedAtOnce();
      const [far] = streams.accepted;
      far!.stream.end(new PeerRefusal('closed', 'too slow'));
      expect(far!.stream.pendingBytes).to.equal(0);
      const late = exchangeCodec.write(streams.dialing.envelope(replicaId(2), [filled(10)]));
      for (let frame = 0; frame < 5; frame += 1) stream.write(definition.exchange.requestSerialize(late));
      await passed(50);
      let readBytes = 0;
      const ended = statusOf(stream);
      stream.on('data', (frame: Buffer) => (readBytes += frame.length));
      stream.resume();
      expect(await ended).to.deep.include({ code: status.UNAVAILABLE, details: 'too slow' });
      expect(readBytes).to.be.below(sentBytes / 2);
      expect([far!.frames, far!.ends]).to.deep.equal([[], []]);
    });
  });
});
