import { ServerInterceptingCall } from '@grpc/grpc-js';
import { expect } from 'chai';
import { OmniPaxosPeerServiceService as definition } from '../../../gen/synod/omnipaxos/v1/omnipaxos.js';
import { exchangeCodec } from '../../../src/omnipaxos/wire.js';
import { CallError } from '../../../src/rpc/call-error.js';
import { seededRandom } from '../../../src/runtime/random.js';
import { filled, numbered, passed, PeerStreams, untilTrue, type End } from '../../support/peer-streams.js';
import { StreamFaults } from '../stream-faults.js';
import { EchoService } from './echo-service.js';

const bytesOf = (ends: readonly End[]): number =>
  ends
    .flatMap(({ frames }) => frames)
    .reduce((sum, frame) => sum + definition.exchange.requestSerialize(exchangeCodec.write(frame)).length, 0);

describe('the faults of links that keep streams open', () => {
  /** Server 0 is the one that dials, and server 1 the one that serves. */
  let streams: PeerStreams;
  let faults: StreamFaults;

  beforeEach(async () => {
    faults = new StreamFaults(3, seededRandom(7));
    streams = await PeerStreams.open();
  });

  afterEach(() => {
    faults.heal();
    streams.close();
  });

  const dial = (): End => streams.dial(streams.channelTo(streams.port, faults.interceptor(0, 1)));
  const connected = () => streams.connected(streams.channelTo(streams.port, faults.interceptor(0, 1)));

  it('touch nothing while there are none, and count what is sent both ways', async () => {
    const { near, far } = await connected();
    for (let number = 1; number <= 99; number += 3) {
      near.send(numbered(number), numbered(number + 1), numbered(number + 2));
      far.send(filled(1000));
    }
    await untilTrue('all have come', () => near.frames.length === 34 && far.numbers.length === 100);
    expect(far.numbers).to.deep.equal(Array.from({ length: 100 }, (_, number) => number));
    expect(faults.sent(0, 1)).to.deep.equal({ messages: 100, bytes: bytesOf([far]) });
    expect(faults.sent(1, 0)).to.deep.equal({ messages: 34, bytes: bytesOf([near]) });
    expect(faults.sent(0, 2)).to.deep.equal({ messages: 0, bytes: 0 });
    expect(faults.traffic).to.deep.equal({ messages: 134, bytes: bytesOf([near, far]) });
    expect(faults.rpcCount).to.equal(67);
  });

  for (const [how, cut] of [
    ['both ways', () => faults.cut(0, 1)],
    ['there', () => faults.cutOneWay(0, 1)],
    ['back', () => faults.cutOneWay(1, 0)],
  ] as const) {
    it(`fail streams at once when their link is cut ${how}, and new ones until it is mended`, async () => {
      const { near, far } = await connected();
      faults.cut([0, 1], 2);
      await passed(20);
      expect([near.ends, far.ends]).to.deep.equal([[], []]);
      cut();
      far.send(numbered(1));
      await untilTrue('both are told', () => near.ends.length + far.ends.length === 2);
      expect(near.end).to.deep.include({ code: 'UNAVAILABLE', message: 'the link is cut' });
      expect(near.frames).to.have.length(1);
      const refused = dial();
      expect(refused.ends).to.deep.equal([]);
      await untilTrue('a new one fails', () => refused.ends.length === 1);
      expect(refused.end.code).to.equal('UNAVAILABLE');
      faults.link(0, 1);
      await connected();
    });
  }

  it('swallow what is sent over a cut link, each way by itself, and nothing else', async () => {
    faults.mode = 'black-hole';
    const { near, far } = await connected();
    const exchange = async (number: number) => {
      near.send(numbered(number));
      far.send(numbered(number));
      const isSent = () => [faults.sent(0, 1), faults.sent(1, 0)].every(({ messages }) => messages > number);
      await untilTrue('both are on the link', isSent);
    };
    faults.cut(1, 0);
    await exchange(1);
    faults.link(0, 1);
    await exchange(2);
    faults.cutOneWay(0, 1);
    await exchange(3);
    faults.heal();
    faults.cutOneWay(1, 0);
    await exchange(4);
    faults.heal();
    await exchange(5);
    await untilTrue('the last has come', () => far.numbers.includes(5) && near.numbers.includes(5));
    expect(far.numbers).to.deep.equal([0, 2, 4, 5]);
    expect(near.numbers).to.deep.equal([0, 2, 3, 5]);
    expect([near.ends, far.ends]).to.deep.equal([[], []]);
    expect([near.stream.pendingBytes, far.stream.pendingBytes]).to.deep.equal([0, 0]);
    expect([faults.sent(0, 1).messages, faults.sent(1, 0).messages]).to.deep.equal([6, 6]);
  });

  /** What comes of a message that is delayed, if this happens before and after it is sent. */
  const arrivals = async (before: () => void, after: () => void): Promise<number[]> => {
    faults = new StreamFaults(3, seededRandom(5));
    faults.mode = 'black-hole';
    const { near, far } = await connected();
    faults.unreliable = true;
    before();
    near.send(numbered(1));
    expect(faults.sent(0, 1).messages).to.equal(2);
    after();
    await passed(60);
    faults.unreliable = false;
    faults.heal();
    near.send(numbered(2));
    await untilTrue('the link carries', () => far.numbers.includes(2));
    return far.numbers;
  };
  const nothing = () => undefined;
  const cut = () => faults.cut(0, 1);

  it('swallow what is on its way when the link is cut', async () => {
    expect(await arrivals(nothing, nothing)).to.deep.equal([0, 1, 2]);
    expect(await arrivals(nothing, cut)).to.deep.equal([0, 2]);
  });

  it('swallow what was sent while the link was cut, also if it is mended before it would have come', async () => {
    expect(await arrivals(cut, () => faults.heal())).to.deep.equal([0, 2]);
  });

  it('carry a stream that was opened over a cut link once it is mended', async () => {
    faults.mode = 'black-hole';
    faults.cut(0, 1);
    const near = dial();
    near.send(numbered(1));
    await passed(40);
    faults.heal();
    near.send(numbered(2));
    await untilTrue('it carries', () => streams.accepted[0]?.numbers.length === 1);
    expect(streams.accepted[0]!.numbers).to.deep.equal([2]);
    expect(near.ends).to.deep.equal([]);
  });

  for (const which of ['dialing', 'serving'] as const) {
    it(`let nobody hear that the ${which} side has ended before the link is mended`, async () => {
      faults.mode = 'black-hole';
      const { near, far } = await connected();
      const [ending, other] = which === 'dialing' ? [near, far] : [far, near];
      faults.cut(0, 1);
      ending.stream.end();
      await passed(50);
      expect(other.ends).to.deep.equal([]);
      faults.heal();
      await untilTrue('it is told', () => other.ends.length === 1);
      expect(ending.ends).to.deep.equal([]);
    });
  }

  it('delay frames in their order and lose every tenth message, the same ones from the same seed', async () => {
    const loaded = async (seed: number, isAnswered: boolean) => {
      faults = new StreamFaults(2, seededRandom(seed));
      const { near, far } = await connected();
      faults.unreliable = true;
      const delaysMs: number[] = [];
      const sentMs = performance.now();
      near.onFrame = far.onFrame = () => delaysMs.push(performance.now() - sentMs);
      const load = async (end: End, isSent: () => boolean) => {
        for (let number = 1; number <= 400; number += 2) end.send(numbered(number), numbered(number + 1));
        await untilTrue('all are sent', isSent);
      };
      if (isAnswered) await load(far, () => faults.sent(1, 0).messages === 401);
      await load(near, () => faults.sent(0, 1).messages === 401);
      faults.unreliable = false;
      for (const end of [near, far]) end.send(numbered(401));
      const isOver = () => near.numbers.at(-1) === 401 && far.numbers.at(-1) === 401;
      await untilTrue('all have come', isOver);
      expect(Math.max(...delaysMs)).to.be.above(20);
      return { there: far.numbers, back: near.numbers };
    };
    const first = await loaded(3, true);
    const alone = await loaded(3, false);
    const other = await loaded(4, true);
    for (const numbers of [first.there, first.back]) {
      expect(numbers).to.deep.equal([...numbers].sort((left, right) => left - right));
      expect(numbers.length).to.be.within(335, 385);
    }
    expect(first.there).to.not.deep.equal(first.back);
    expect(alone.there).to.deep.equal(first.there);
    expect(other.there).to.not.deep.equal(first.there);
  });

  it('do not hold a frame back for the delays of those before it', async () => {
    const { near, far } = await connected();
    faults.unreliable = true;
    const startMs = performance.now();
    for (let number = 1; number <= 300; number += 1) near.send(numbered(number));
    await untilTrue('nine tenths are there', () => far.numbers.length > 240);
    expect(performance.now() - startMs).to.be.below(1000);
  });

  describe('by which links they cut', () => {
    const open = (model: StreamFaults): string[] => {
      const servers = Array.from({ length: model.serverCount }, (_, server) => server);
      return servers.flatMap((source) =>
        servers
          .filter((to) => to !== source && model.isOpen(source, to))
          .map((destination) => `${source}${destination}`),
      );
    };

    it('take servers one by one or as sets', () => {
      const model = new StreamFaults(4, seededRandom(1));
      model.cut([0, 1], [2, 3]);
      expect(open(model)).to.deep.equal(['01', '10', '23', '32']);
      model.link(1, 2);
      expect(open(model)).to.deep.equal(['01', '10', '12', '21', '23', '32']);
      model.isolate([0, 1]);
      expect(open(model)).to.deep.equal(['23', '32']);
      model.heal();
      expect(open(model)).to.have.length(12);
      model.cutOneWay(3, [0, 1, 2, 3]);
      expect(open(model)).to.have.length(9);
      model.isolate(2);
      expect(open(model)).to.deep.equal(['01', '03', '10', '13']);
      expect(model.isOpen(2, 2)).to.equal(true);
    });

    it('know no server that is not there', () => {
      const model = new StreamFaults(2, seededRandom(1));
      expect(() => model.cut(0, 2)).to.throw(RangeError, 'to server 2');
      expect(() => model.interceptor(-1, 0)).to.throw(RangeError);
    });
  });

  it('count a unary call as two messages, and cut and lose it whole', async () => {
    const service = await EchoService.start((_method, call) => new ServerInterceptingCall(call));
    const { echo } = service.connect(faults.interceptor(0, 1));
    const codeOf = (text: string, timeoutMs = 2000): Promise<string> =>
      echo(text, { timeoutMs }).then(
        () => 'OK',
        (error: unknown) => (error instanceof CallError ? error.code : String(error)),
      );
    expect(await codeOf('passes')).to.equal('OK');
    expect([faults.sent(0, 1), faults.sent(1, 0)]).to.deep.equal([
      { messages: 1, bytes: 0 },
      { messages: 1, bytes: 0 },
    ]);
    faults.cutOneWay(1, 0);
    expect(await codeOf('cut')).to.equal('UNAVAILABLE');
    faults.mode = 'black-hole';
    expect(await codeOf('swallowed', 50)).to.equal('DEADLINE_EXCEEDED');
    faults.heal();
    faults.unreliable = true;
    const codes: string[] = [];
    for (let call = 0; call < 120; call += 1) codes.push(await codeOf('tried'));
    const answered = codes.filter((code) => code === 'OK').length;
    const executed = service.executed.filter((text) => text === 'tried').length;
    expect(codes.filter((code) => code === 'UNAVAILABLE').length).to.equal(120 - answered);
    expect(executed).to.be.within(95, 118);
    expect(answered).to.be.within(80, executed - 3);
    expect(new Set(service.executed)).to.deep.equal(new Set(['passes', 'tried']));
    expect(faults.rpcCount).to.equal(123);
    await service.close();
  });
});
