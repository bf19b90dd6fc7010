import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { CallError } from '../../../src/rpc/call-error.js';
import { seededRandom } from '../../../src/runtime/random.js';
import { FaultModel } from '../fault-model.js';
import { drawFate, type Fate } from '../receiver-faults.js';
import { LinkFaults } from '../link-faults.js';
import { EchoService } from './echo-service.js';

const timeoutMs = 2000;

const codeOf = (attempt: Promise<string>): Promise<string> =>
  attempt.then(
    () => 'OK',
    (error: unknown) => (error instanceof CallError ? error.code : String(error)),
  );

describe('the fault model', () => {
  let service: EchoService;
  let faults: FaultModel;

  beforeEach(async () => {
    faults = new FaultModel(3, seededRandom(7));
    service = await EchoService.start(faults.serverInterceptor(0));
  });
  afterEach(() => service.close());

  it('discards a tenth and suppresses the reply of a fifth of the rest', () => {
    const random = seededRandom(1);
    const counts: Record<Fate, number> = { normal: 0, discarded: 0, 'reply-suppressed': 0 };
    for (let draw = 0; draw < 100_000; draw += 1) counts[drawFate(random)] += 1;
    expect(counts.discarded).to.be.within(9500, 10_500);
    expect(counts['reply-suppressed']).to.be.within(17_500, 18_500);
  });

  it('touches nothing while the receiver is reliable', async () => {
    const { echo } = service.connect();
    for (let call = 0; call < 200; call += 1) {
      expect(await echo(String(call), { timeoutMs })).to.equal(String(call));
    }
    expect(faults.rpcCount).to.equal(200);
  });

  it('executes what it suppresses, does not execute what it discards, and counts the former only', async () => {
    faults.setUnreliable(0, true);
    const { echo } = service.connect();
    const answered: string[] = [];
    for (let call = 0; call < 500; call += 1) {
      const code = await codeOf(echo(String(call), { timeoutMs }));
      expect(code).to.be.oneOf(['OK', 'UNAVAILABLE']);
      if (code === 'OK') answered.push(String(call));
    }
    expect(service.executed).to.include.members(answered);
    expect(answered.length).to.be.within(300, 420);
    expect(service.executed.length).to.be.within(420, 480);
    expect(faults.rpcCount).to.equal(service.executed.length);
  });

  it('draws the same fates from the same seed', async () => {
    const outcomes = async () => {
      const model = new FaultModel(1, seededRandom(99));
      const other = await EchoService.start(model.serverInterceptor(0));
      model.setAllUnreliable(true);
      const { echo } = other.connect();
      const codes: string[] = [];
      for (let call = 0; call < 60; call += 1) codes.push(await codeOf(echo('x', { timeoutMs })));
      await other.close();
      return { codes, executed: other.executed.length };
    };
    expect(await outcomes()).to.deep.equal(await outcomes());
  });

  it('discards all calls of a method that it was told to lose, and no others', async () => {
    const { echo } = service.connect();
    faults.loseAt([0], 'Echo');
    expect(await codeOf(echo('lost', { timeoutMs }))).to.equal('UNAVAILABLE');
    expect(await service.sendOverStream('not lost')).to.deep.equal({
      received: ['not lost'],
      code: status.OK,
    });
    faults.loseAt([0]);
    expect(await codeOf(echo('not lost either', { timeoutMs }))).to.equal('OK');
    expect(service.executed).to.deep.equal(['not lost', 'not lost either']);
  });

  it('leaves health checks alone', async () => {
    faults.setUnreliable(0, true);
    const { health } = service.connect();
    for (let call = 0; call < 100; call += 1) await health('x', { timeoutMs });
    expect(faults.rpcCount).to.equal(0);
  });

  it('loses streams whole: unexecuted, or executed and without an answer', async () => {
    faults.setUnreliable(0, true);
    let suppressed = 0;
    for (let call = 0; call < 60; call += 1) {
      const executedBefore = service.executed.length;
      const { received, code } = await service.sendOverStream('x');
      expect(code).to.be.oneOf([status.OK, status.UNAVAILABLE]);
      expect(received).to.deep.equal(code === status.OK ? ['x'] : []);
      if (code !== status.OK && service.executed.length > executedBefore) suppressed += 1;
    }
    expect(suppressed).to.be.above(0);
    expect(faults.rpcCount).to.equal(service.executed.length);
  });

  it('fails a new call over a cut link at once and lets one in flight finish', async () => {
    const { echo } = service.connect(faults.peerInterceptor(1, 0));
    let open: () => void = () => undefined;
    service.gate = new Promise((resolve) => (open = resolve));
    const inFlight = echo('in flight', { timeoutMs });
    while (service.executed.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    faults.partition([0], [1, 2]);
    const startMs = performance.now();
    expect(await codeOf(echo('cut', { timeoutMs }))).to.equal('UNAVAILABLE');
    expect(performance.now() - startMs).to.be.below(timeoutMs / 2);
    open();
    expect(await inFlight).to.equal('in flight');
    faults.heal();
    expect(await echo('healed', { timeoutMs })).to.equal('healed');
    expect(service.executed).to.deep.equal(['in flight', 'healed']);
  });

  it('swallows calls until their deadline, or until they are cancelled, when it is a black hole', async () => {
    faults.setCutMode('black-hole');
    faults.setDeaf(0, true);
    const { echo } = service.connect(faults.clientInterceptor(0));
    const startMs = performance.now();
    expect(await codeOf(echo('x', { timeoutMs: 100 }))).to.equal('DEADLINE_EXCEEDED');
    expect(performance.now() - startMs).to.be.at.least(95);
    const abort = new AbortController();
    const cancelled = echo('x', { timeoutMs, signal: abort.signal });
    setTimeout(() => abort.abort(), 10);
    expect(await codeOf(cancelled)).to.equal('CANCELLED');
    expect(service.executed).to.deep.equal([]);
  });

  it('links the servers of a group both ways, and everyone to himself', () => {
    const links = new LinkFaults();
    links.partition([[0, 2], [1, 3], []]);
    expect(links.isOpen(0, 2) && links.isOpen(2, 0) && links.isOpen(3, 1)).to.equal(true);
    expect(links.isOpen(0, 1) || links.isOpen(3, 2)).to.equal(false);
    expect(links.isOpen(0, 4) || links.isOpen(4, 0)).to.equal(false);
    expect(links.isOpen(4, 4)).to.equal(true);
    expect(links.isOpen('client', 4), 'partitions are between servers').to.equal(true);
    expect(() => links.partition([[0], [0, 1]])).to.throw(RangeError);
  });

  it('makes the deaf hear nothing, not even themselves, and still be heard', () => {
    const links = new LinkFaults();
    links.setDeaf(0, true);
    expect(links.isOpen(1, 0) || links.isOpen(0, 0) || links.isOpen('client', 0)).to.equal(false);
    expect(links.isOpen(0, 1)).to.equal(true);
    links.setDeaf(0, false);
    expect(links.isOpen(1, 0)).to.equal(true);
  });
});
