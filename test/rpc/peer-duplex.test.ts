import { EventEmitter } from 'node:events';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { OmniPaxosPeerServiceService as definition } from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import { replicaId } from '../../src/log/ids.js';
import { PeerRefusal, type RefusalCause } from '../../src/log/roster.js';
import { exchangeCodec } from '../../src/omnipaxos/wire.js';
import { shutDown } from '../../src/rpc/server.js';
import { numbered, passed, PeerStreams, statusOf, untilTrue, Wire } from '../support/peer-streams.js';

describe('a stream between two replicas', () => {
  let streams: PeerStreams;

  beforeEach(async () => {
    streams = await PeerStreams.open();
  });

  afterEach(() => streams.close());

  it('brings messages over whole and in order, both ways at once, with their headers', async () => {
    streams.onAccept = (end) => {
      end.onFrame = ({ body }) => end.send(...body);
    };
    const near = streams.dial();
    for (let number = 0; number < 600; number += 2) near.send(numbered(number), numbered(number + 1));
    const expected = Array.from({ length: 600 }, (_, number) => number);
    await untilTrue('all come back', () => near.numbers.length === 600);
    expect(near.numbers).to.deep.equal(expected);
    expect(streams.accepted[0]!.numbers).to.deep.equal(expected);
    expect(streams.accepted[0]!.frames).to.have.length(300);
    expect(streams.accepted[0]!.frames[7]!.header).to.deep.include({
      from: 1,
      to: 2,
      incarnation: streams.dialing.incarnation,
    });
    expect(near.frames[7]!.header).to.deep.include({
      from: 2,
      to: 1,
      incarnation: streams.serving.incarnation,
    });
    expect([near.ends, streams.accepted[0]!.ends]).to.deep.equal([[], []]);
    expect([near.stream.pendingBytes, streams.accepted[0]!.stream.pendingBytes]).to.deep.equal([0, 0]);
  });

  it('is another stream each time it is opened', async () => {
    const [first, second] = [streams.dial(), streams.dial()];
    first.send(numbered(1));
    await untilTrue('the first is there', () => streams.accepted[0]?.frames.length === 1);
    second.send(numbered(2));
    await untilTrue('the second is there', () => streams.accepted[1]?.frames.length === 1);
    first.stream.end();
    await untilTrue('the first has ended', () => streams.accepted[0]!.ends.length === 1);
    streams.accepted[1]!.send(numbered(3));
    await untilTrue('the second lives', () => second.numbers.includes(3));
    expect(streams.accepted.map(({ numbers }) => numbers)).to.deep.equal([[1], [2]]);
  });

  describe('that ends', () => {
    it('by the dialing side is told to the serving side only', async () => {
      const { near, far } = await streams.connected();
      near.stream.end();
      near.stream.end();
      near.send(numbered(1));
      await untilTrue('the other side is told', () => far.ends.length > 0);
      await passed(30);
      expect(far.end.code).to.equal('CANCELLED');
      expect(far.frames).to.have.length(1);
      expect(near.ends).to.deep.equal([]);
    });

    it('by the serving side is told to the dialing side only', async () => {
      const { near, far } = await streams.connected();
      far.stream.end();
      far.stream.end();
      await untilTrue('the other side is told', () => near.ends.length > 0);
      await passed(30);
      expect(near.ends).to.deep.equal([undefined]);
      expect(far.ends).to.deep.equal([]);
    });

    it('because the dialing side sends no more ends as if it were cancelled', async () => {
      const stream = streams.dialRaw();
      stream.resume();
      stream.end();
      expect((await statusOf(stream)).code).to.equal(status.CANCELLED);
      expect(streams.accepted[0]!.end.code).to.equal('CANCELLED');
    });

    it('while messages come hands none of them over any more, on either side', async () => {
      for (const which of ['near', 'far'] as const) {
        const ends = await streams.connected();
        const [ending, other] = which === 'near' ? [ends.near, ends.far] : [ends.far, ends.near];
        ending.onFrame = () => ending.stream.end();
        for (let number = 1; number < 50; number += 1) other.send(numbered(number));
        await untilTrue('the other side is told', () => other.ends.length === 1);
        expect(ending.numbers).to.deep.equal([0, 1]);
        expect(ending.ends).to.deep.equal([]);
      }
    });

    it('hands over nothing that its call still tells', async () => {
      const call = Object.assign(new EventEmitter(), { cancel: () => undefined, write: () => true });
      const near = streams.dial({ makeBidiStreamRequest: () => call } as unknown as Client);
      const frame = definition.exchange.responseSerialize(
        exchangeCodec.write(streams.serving.envelope(replicaId(1), [numbered(1)])),
      );
      call.emit('data', frame);
      near.stream.end();
      call.emit('data', frame);
      call.emit('status', { code: status.OK });
      call.emit('error', { code: status.CANCELLED, details: '', metadata: new Metadata() });
      await passed(1);
      expect([near.numbers, near.ends]).to.deep.equal([[1], []]);
    });

    it('because the server was killed ends on both sides', async () => {
      const { near, far } = await streams.connected();
      streams.server.forceShutdown();
      await untilTrue('both are told', () => near.ends.length + far.ends.length === 2);
      expect(near.end.code).to.be.oneOf(['UNAVAILABLE', 'CANCELLED']);
      expect(far.end.code).to.equal('CANCELLED');
      near.send(numbered(1));
      far.send(numbered(1));
      expect([near.stream.pendingBytes, far.stream.pendingBytes]).to.deep.equal([0, 0]);
    });

    it('because the server shuts down ends when its time of grace is over, not before', async () => {
      const { near, far } = await streams.connected();
      const closing = shutDown(streams.server, 400);
      await passed(30);
      far.send(numbered(1));
      await untilTrue('it still carries messages', () => near.numbers.includes(1));
      expect(near.ends).to.deep.equal([]);
      await closing;
      await untilTrue('both are told', () => near.ends.length + far.ends.length === 2);
      expect(near.end.code).to.be.oneOf(['UNAVAILABLE', 'CANCELLED']);
    });

    it('because the connection broke ends on both sides', async () => {
      const wire = streams.keep(await Wire.to(streams.port));
      const { near, far } = await streams.connected(streams.channelTo(wire.port));
      wire.break();
      await untilTrue('both are told', () => near.ends.length + far.ends.length === 2);
      expect(near.end.code).to.equal('UNAVAILABLE');
      expect(far.end.code).to.equal('CANCELLED');
    });

    it('because the connection fell silent ends at the dialing side once its keepalive is not answered', async () => {
      const wire = streams.keep(await Wire.to(streams.port));
      const keepalive = { 'grpc.keepalive_time_ms': 100, 'grpc.keepalive_timeout_ms': 100 };
      const over = streams.keep(
        new Client(`127.0.0.1:${wire.port}`, credentials.createInsecure(), keepalive),
      );
      const { near } = await streams.connected(over);
      wire.silence();
      near.send(numbered(1));
      await untilTrue('the dialing side is told', () => near.ends.length === 1);
      expect(near.end.code).to.equal('UNAVAILABLE');
    });

    it('as the peer is not there', async () => {
      const near = streams.dial(streams.channelTo(1));
      near.send(numbered(1));
      expect(near.ends).to.deep.equal([]);
      await untilTrue('it has ended', () => near.ends.length > 0);
      expect(near.end.code).to.equal('UNAVAILABLE');
      expect(near.stream.pendingBytes).to.equal(0);
    });

    it('as its channel is closed already, but is told so in a later turn only', async () => {
      const channel = streams.channelTo(streams.port);
      channel.close();
      const near = streams.dial(channel);
      near.send(numbered(1));
      near.stream.end();
      const other = streams.dial(channel);
      expect(other.ends).to.deep.equal([]);
      await untilTrue('it has ended', () => other.ends.length > 0);
      expect(other.end.message).to.include('shut down');
      expect(near.ends).to.deep.equal([]);
    });
  });

  it('outlives the closing of its channel until it is ended itself', async () => {
    const channel = streams.channelTo(streams.port);
    const { near, far } = await streams.connected(channel);
    channel.close();
    await passed(50);
    expect([near.ends, far.ends]).to.deep.equal([[], []]);
    near.send(numbered(1));
    await untilTrue('it carries messages', () => far.numbers.includes(1));
    near.stream.end();
    await untilTrue('the serving side is told', () => far.ends.length === 1);
  });

  describe('that is refused', () => {
    const refusals: readonly (readonly [RefusalCause, string, string])[] = [
      ['closed', 'UNAVAILABLE', 'NOT_PROPOSED'],
      ['not-introduced', 'UNAVAILABLE', 'NOT_PROPOSED'],
      ['garbled', 'INVALID_ARGUMENT', 'BAD_REQUEST'],
      ['changed-incarnation', 'FAILED_PRECONDITION', 'CHANGED_INCARNATION'],
      ['wrong-cluster', 'FAILED_PRECONDITION', 'PEER_REFUSED'],
    ];

    for (const [cause, code, reason] of refusals) {
      const refusal = new PeerRefusal(cause, `refused as ${cause}`);
      const noted = code === 'FAILED_PRECONDITION' ? `refused by replica 2: refused as ${cause}` : '';

      it(`as ${cause} by what its messages meet ends with that status, which is told to both sides`, async () => {
        streams.onAccept = (end) => {
          end.onFrame = () => {
            throw refusal;
          };
        };
        const near = streams.dial();
        near.send(numbered(1));
        near.send(numbered(2));
        await untilTrue('the dialing side is told', () => near.ends.length === 1);
        expect(near.end).to.deep.equal({ code, reason, message: `refused as ${cause}` });
        expect(streams.accepted[0]!.end).to.deep.equal(near.end);
        expect(streams.accepted[0]!.frames).to.have.length(1);
        expect(streams.dialing.peer(replicaId(2)).refusal).to.equal(noted);
      });

      it(`as ${cause} by its end ends with that status, which is told to the dialing side`, async () => {
        const { near, far } = await streams.connected();
        far.stream.end(refusal);
        await untilTrue('the dialing side is told', () => near.ends.length === 1);
        expect(near.end).to.deep.equal({ code, reason, message: `refused as ${cause}` });
        expect(far.ends).to.deep.equal([]);
        expect(streams.dialing.peer(replicaId(2)).refusal).to.equal(noted);
      });
    }

    it('is refused no more once a message of the peer has come', async () => {
      streams.dialing.admit(streams.serving.envelope(replicaId(1), undefined).header);
      streams.dialing.refusedBy(replicaId(2), 'earlier');
      expect(streams.dialing.heardWithin(1000)).to.equal(1);
      await streams.connected();
      expect(streams.dialing.heardWithin(1000)).to.equal(2);
    });

    it('by the dialing side is cancelled, and is not taken for a refusal of the peer', async () => {
      const { near, far } = await streams.connected();
      near.onFrame = () => {
        throw new PeerRefusal('changed-incarnation', 'somebody else');
      };
      far.send(numbered(1));
      far.send(numbered(2));
      await untilTrue('both are told', () => near.ends.length + far.ends.length === 2);
      expect(near.end).to.deep.include({ code: 'FAILED_PRECONDITION', reason: 'CHANGED_INCARNATION' });
      expect(near.numbers).to.deep.equal([0, 1]);
      expect(far.end.code).to.equal('CANCELLED');
      expect(streams.dialing.peer(replicaId(2)).refusal).to.equal('');
    });

    it('by an error that nobody has named is an internal error', async () => {
      const { near, far } = await streams.connected();
      far.onFrame = () => {
        throw new TypeError('oops');
      };
      near.send(numbered(1));
      await untilTrue('both are told', () => near.ends.length + far.ends.length === 2);
      expect(near.end).to.deep.include({ code: 'INTERNAL', message: 'internal error: oops' });
      expect(far.end).to.deep.equal(near.end);
    });
  });
});
