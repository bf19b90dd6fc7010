import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { valueLimitBytes } from '../../src/kv/limits.js';
import { nextLink } from '../support/fnv-twin.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { errorOf, getOf, writeOf } from '../support/pipeline-stream.js';
import { callOptions, RawClient } from '../support/raw-client.js';

const found = (value: string) => ({ $case: 'get', value: { value, found: true } });
const previous = (previousValue: string) => ({ $case: 'putHash', value: { previousValue } });

describe('Pipeline', () => {
  let cluster: LocalCluster;
  let client: RawClient;
  let other: RawClient;
  let clientId: number;
  let tests = 0;
  let key: string;

  before(async () => {
    cluster = await startLocalCluster(3);
    client = new RawClient(cluster.endpoints[0]!);
    other = new RawClient(cluster.endpoints[1]!);
  });
  after(async () => {
    client.close();
    other.close();
    await cluster.close();
  });
  beforeEach(async () => {
    tests += 1;
    key = `key of test ${tests}`;
    ({ clientId } = await client.openSession({}, callOptions));
  });

  it('answers every operation of every frame by its tag', async () => {
    const stream = client.pipeline();
    stream.send(
      [
        writeOf(10, 1, 'put', key, 'a'),
        writeOf(20, 2, 'append', `${key} b`, 'b'),
        writeOf(30, 3, 'putHash', `${key} c`, 'c'),
      ],
      { clientId },
    );
    const first = await stream.byTag(3);
    expect(first.get(10)).to.deep.equal({ $case: 'put', value: {} });
    expect(first.get(20)).to.deep.equal({ $case: 'append', value: {} });
    expect(first.get(30)).to.deep.equal(previous(''));
    stream.send([getOf(1, key), getOf(2, `${key} b`), getOf(3, `${key} c`), getOf(4, `${key} d`)]);
    const all = await stream.byTag(7);
    expect(all.get(1)).to.deep.equal(found('a'));
    expect(all.get(2)).to.deep.equal(found('b'));
    expect(all.get(3)).to.deep.equal(found(nextLink('', 'c')));
    expect(all.get(4)).to.deep.equal({ $case: 'get', value: { value: '', found: false } });
    expect((await stream.finish()).code).to.equal(status.OK);
    expect(stream.results).to.have.length(7);
  });

  it('answers what is under way before it ends', async () => {
    const stream = client.pipeline();
    for (let tag = 1; tag <= 200; tag += 1)
      stream.send([writeOf(tag, tag, 'append', key, 'x')], { clientId });
    expect((await stream.finish()).code).to.equal(status.OK);
    expect(stream.results.map(({ tag }) => tag).sort((left, right) => left - right)).to.deep.equal(
      Array.from({ length: 200 }, (_, index) => index + 1),
    );
    expect((await client.get({ key }, callOptions)).value).to.equal('x'.repeat(200));
  });

  it('runs a write once, however often its session and sequence come, on whatever stream', async () => {
    const streams = [client.pipeline(), client.pipeline(), other.pipeline()];
    const writes = [writeOf(1, 1, 'append', key, 'x'), writeOf(2, 2, 'putHash', `${key} h`, 'x')];
    for (const stream of streams) stream.send(writes, { clientId });
    for (const stream of streams) {
      const results = await stream.byTag(2);
      expect(results.get(1)).to.deep.equal({ $case: 'append', value: {} });
      expect(results.get(2)).to.deep.equal(previous(''));
    }
    // The same sequence is the same write to the unary methods as well.
    const session = { clientId, sequence: 2, acknowledgedThrough: 0 };
    expect(await other.putHash({ key: `${key} h`, value: 'x', session }, callOptions)).to.deep.equal({
      previousValue: '',
    });
    expect((await client.get({ key }, callOptions)).value).to.equal('x');
    expect((await client.get({ key: `${key} h` }, callOptions)).value).to.equal(nextLink('', 'x'));
    for (const stream of streams) await stream.finish();
  });

  it('runs the writes of a frame without a session', async () => {
    const stream = client.pipeline();
    stream.send([writeOf(1, 0, 'append', key, 'x'), writeOf(2, 0, 'append', key, 'x')]);
    await stream.byTag(2);
    expect((await client.get({ key }, callOptions)).value).to.equal('xx');
    await stream.finish();
  });

  it('tells of errors by tag, and the rest of the frame goes on', async () => {
    await client.put(
      { key: `${key} full`, value: 'v'.repeat(valueLimitBytes), session: undefined },
      callOptions,
    );
    const stream = client.pipeline();
    stream.send(
      [
        writeOf(1, 1, 'put', key, 'v'),
        writeOf(2, 2, 'put', '', 'v'),
        writeOf(3, 3, 'append', `${key} full`, 'v'),
        writeOf(4, 0, 'put', key, 'no sequence'),
        writeOf(5, 1025, 'put', key, 'outside the window'),
        { tag: 6, sequence: 6 },
        getOf(7, 'k'.repeat(4097)),
        writeOf(8, 4, 'append', `${key} after`, 'v'),
      ],
      { clientId },
    );
    const results = await stream.byTag(8);
    expect(results.get(1)?.$case).to.equal('put');
    expect(results.get(8)?.$case).to.equal('append');
    const errors = [2, 3, 4, 5, 6, 7].map((tag) => errorOf(results.get(tag)));
    expect(errors.map(({ code, reason }) => [code, reason])).to.deep.equal([
      [status.INVALID_ARGUMENT, 'BAD_REQUEST'],
      [status.FAILED_PRECONDITION, 'VALUE_LIMIT'],
      [status.INVALID_ARGUMENT, 'SEQUENCE_OUTSIDE_WINDOW'],
      [status.INVALID_ARGUMENT, 'SEQUENCE_OUTSIDE_WINDOW'],
      [status.INVALID_ARGUMENT, 'BAD_REQUEST'],
      [status.INVALID_ARGUMENT, 'BAD_REQUEST'],
    ]);
    expect(errors[1]!.message).to.include('1048577').and.to.include('1048576');
    expect(errors[3]!.message).to.include('sequence 1025').and.to.include('1 to 1024');
    expect(errors[5]!.message).to.include('4097').and.to.include('4096');
    expect((await client.get({ key }, callOptions)).value).to.equal('v');
    await stream.finish();
  });

  it('names a session that has ended, was never issued, or has acknowledged a write', async () => {
    const { clientId: ended } = await client.openSession({}, callOptions);
    await client.closeSession({ clientId: ended }, callOptions);
    const stream = client.pipeline();
    stream.send([writeOf(1, 1, 'put', key, 'v')], { clientId: ended });
    stream.send([writeOf(2, 1, 'put', key, 'v')], { clientId: 1_000_000 });
    stream.send([writeOf(3, 3, 'put', `${key} other`, 'v')], { clientId, acknowledgedThrough: 2 });
    await stream.byTag(3);
    stream.send([writeOf(4, 2, 'put', key, 'v')], { clientId });
    const results = await stream.byTag(4);
    expect(
      [1, 2, 4].map((tag) => errorOf(results.get(tag))).map(({ code, reason }) => [code, reason]),
    ).to.deep.equal([
      [status.FAILED_PRECONDITION, 'SESSION_EXPIRED'],
      [status.INVALID_ARGUMENT, 'SESSION_NEVER_ISSUED'],
      [status.FAILED_PRECONDITION, 'ALREADY_ACKNOWLEDGED'],
    ]);
    expect((await client.get({ key }, callOptions)).found).to.equal(false);
    await stream.finish();
  });

  it('refuses a tag that is under way, and takes it again later', async () => {
    const stream = client.pipeline();
    stream.send([writeOf(1, 1, 'append', key, 'a'), writeOf(1, 2, 'append', key, 'b')], { clientId });
    await stream.byTag(2);
    const cases = stream.results.map(({ result }) => result?.$case);
    expect(cases).to.have.members(['append', 'error']);
    const refused = stream.results.find(({ result }) => result?.$case === 'error');
    expect(errorOf(refused?.result)).to.include({ code: status.INVALID_ARGUMENT, reason: 'BAD_REQUEST' });
    expect(errorOf(refused?.result).message).to.include('tag 1');
    expect((await client.get({ key }, callOptions)).value).to.equal('a');
    stream.send([writeOf(1, 2, 'append', key, 'b')], { clientId });
    await stream.byTag(3);
    expect((await client.get({ key }, callOptions)).value).to.equal('ab');
    await stream.finish();
  });

  it('takes 256 operations in a frame, and refuses more with both numbers, running none', async () => {
    const frame = (count: number) =>
      Array.from({ length: count }, (_, index) => writeOf(index, index + 1, 'append', key, 'x'));
    const stream = client.pipeline();
    stream.send(frame(257), { clientId });
    const { code, details } = await stream.ended;
    expect(code).to.equal(status.INVALID_ARGUMENT);
    expect(details).to.include('257').and.to.include('256');
    expect((await client.get({ key }, callOptions)).found).to.equal(false);
    const good = client.pipeline();
    good.send(frame(256), { clientId });
    await good.byTag(256);
    expect((await client.get({ key }, callOptions)).value).to.equal('x'.repeat(256));
    await good.finish();
  });

  it('takes 2 MiB of keys and values in a frame, and refuses more with both numbers', async () => {
    const limit = 2 * 1024 * 1024;
    const half = 'v'.repeat(limit / 2);
    const longKey = key.padEnd(100);
    const frame = (extra: number) => [
      writeOf(1, 1, 'put', longKey, half),
      writeOf(2, 2, 'put', longKey, half.slice(0, half.length - 200 + extra)),
    ];
    const stream = client.pipeline();
    stream.send(frame(1), { clientId });
    const { code, details } = await stream.ended;
    expect(code).to.equal(status.INVALID_ARGUMENT);
    expect(details).to.include('2097153').and.to.include('2097152');
    expect((await client.get({ key: longKey }, callOptions)).found).to.equal(false);
    const good = client.pipeline();
    good.send(frame(0), { clientId });
    expect([...(await good.byTag(2)).values()].map((result) => result?.$case)).to.deep.equal(['put', 'put']);
    await good.finish();
  });

  it('stays within what a message may be, also when a frame reads far more than that', async () => {
    const value = 'v'.repeat(valueLimitBytes);
    await client.put({ key, value, session: undefined }, callOptions);
    const stream = client.pipeline();
    stream.send(Array.from({ length: 40 }, (_, tag) => getOf(tag, key)));
    const results = await stream.byTag(40);
    for (const result of results.values()) {
      expect(result?.$case === 'get' && result.value.value === value).to.equal(true);
    }
    for (const { results: frame } of stream.frames) expect(frame.length).to.be.at.most(8);
    await stream.finish();
  });

  it('goes on for others when a client goes away', async () => {
    const gone = client.pipeline();
    gone.send(
      Array.from({ length: 100 }, (_, index) => writeOf(index, index + 1, 'append', key, 'x')),
      { clientId },
    );
    gone.cancel();
    expect((await gone.ended).code).to.equal(status.CANCELLED);
    const stream = client.pipeline();
    stream.send([getOf(1, key)]);
    expect((await stream.byTag(1)).get(1)?.$case).to.equal('get');
    expect((await stream.finish()).code).to.equal(status.OK);
  });
});
