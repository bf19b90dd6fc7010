import { expect } from 'chai';
import { PutRequest } from '../../gen/synod/kv/v1/kv.js';
import { valueLimitBytes } from '../../src/kv/limits.js';
import { CallError, type CallCode, type CallReason } from '../../src/rpc/call-error.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { callOptions, RawClient } from '../support/raw-client.js';
import { rejection } from '../support/rejection.js';

const writes = ['put', 'append', 'putHash'] as const;
const rpcNames = { put: 'Put', append: 'Append', putHash: 'PutHash' } as const;
const unwritten = 'never written';

describe('bad input over gRPC', () => {
  let cluster: LocalCluster;
  let client: RawClient;
  let clientId: number;
  let keyCount: number;
  let maxSlot: number | undefined;

  before(async () => {
    cluster = await startLocalCluster(3);
    client = new RawClient(cluster.endpoints[0]!);
  });
  after(async () => {
    client.close();
    await cluster.close();
  });
  beforeEach(async () => {
    ({ clientId } = await client.openSession({}, callOptions));
    ({ keyCount } = cluster.replicas[0]!.status());
    maxSlot = cluster.replicas[0]!.status().log.max;
  });

  const refused = async (
    call: Promise<unknown>,
    code: CallCode,
    reason: CallReason,
    ...named: readonly string[]
  ): Promise<void> => {
    const error = await rejection(call, CallError);
    expect([error.code, error.reason, error.message.split('\n').length]).to.deep.equal([code, reason, 1]);
    for (const part of named) expect(error.message).to.include(part);
    expect(cluster.replicas[0]!.status().keyCount, 'nothing is stored').to.equal(keyCount);
  };

  /** What can be told from the request alone never comes into the log. */
  const expectNothingProposed = (): void => {
    expect(cluster.replicas[0]!.status().log.max).to.equal(maxSlot);
  };

  it('is refused where the key is empty', async () => {
    await refused(client.get({ key: '' }, callOptions), 'INVALID_ARGUMENT', 'BAD_REQUEST', 'key is empty');
    for (const write of writes) {
      const call = client[write]({ key: '', value: 'v', session: undefined }, callOptions);
      await refused(call, 'INVALID_ARGUMENT', 'BAD_REQUEST', 'key is empty');
    }
    expectNothingProposed();
  });

  it('is refused where the key has a byte too many, naming both numbers', async () => {
    for (const key of ['k'.repeat(4097), `${'é'.repeat(2048)}k`]) {
      const expected = ['INVALID_ARGUMENT', 'BAD_REQUEST', '4097', '4096'] as const;
      await refused(client.get({ key }, callOptions), ...expected);
      for (const write of writes) {
        await refused(client[write]({ key, value: 'v', session: undefined }, callOptions), ...expected);
      }
    }
    expectNothingProposed();
  });

  it('is refused where the value has a byte too many, naming both numbers', async () => {
    const value = 'v'.repeat(valueLimitBytes + 1);
    for (const write of writes) {
      const call = client[write]({ key: unwritten, value, session: undefined }, callOptions);
      await refused(call, 'INVALID_ARGUMENT', 'BAD_REQUEST', '1048577', '1048576');
    }
    expectNothingProposed();
  });

  it('is not what just fits', async () => {
    const [key, value] = ['k'.repeat(4096), 'v'.repeat(valueLimitBytes)];
    const session = { clientId, sequence: 1024, acknowledgedThrough: 0 };
    await client.put({ key, value, session }, callOptions);
    expect(await client.get({ key }, callOptions)).to.deep.equal({ value, found: true });
    await client.put({ key, value: '', session: undefined }, callOptions);
    expect(await client.get({ key }, callOptions)).to.deep.equal({ value: '', found: true });
  });

  it('is refused where an Append would grow a value past its limit, also when it comes again', async () => {
    const value = 'v'.repeat(valueLimitBytes - 1);
    await client.put({ key: 'large', value, session: undefined }, callOptions);
    ({ keyCount } = cluster.replicas[0]!.status());
    const session = { clientId, sequence: 1, acknowledgedThrough: 0 };
    for (let times = 0; times < 2; times += 1) {
      const call = client.append({ key: 'large', value: 'ab', session }, callOptions);
      await refused(call, 'FAILED_PRECONDITION', 'VALUE_LIMIT', '1048577', '1048576');
    }
    const read = await client.get({ key: 'large' }, callOptions);
    expect(read.value === value).to.equal(true);
    await client.append({ key: 'large', value: 'a', session: undefined }, callOptions);
  });

  it('is refused where text is not UTF-8', async () => {
    const overlong = Buffer.from([0xc0, 0x80]);
    const valid = PutRequest.encode({ key: 'kk', value: 'vv', session: undefined }).finish();
    for (const write of writes) {
      for (const text of ['kk', 'vv']) {
        const bytes = Buffer.from(valid);
        overlong.copy(bytes, bytes.indexOf(text));
        const call = client.bytes(rpcNames[write])(bytes, callOptions);
        await refused(call, 'INVALID_ARGUMENT', 'BAD_REQUEST', 'does not decode');
      }
    }
    const get = client.bytes('Get')(Buffer.from([0x0a, 0x01, 0xff]), callOptions);
    await refused(get, 'INVALID_ARGUMENT', 'BAD_REQUEST', 'does not decode');
    expectNothingProposed();
  });

  it('is refused where the bytes are no message', async () => {
    const call = client.bytes('Put')(Buffer.from([0x0a, 0x05, 0x61]), callOptions);
    await refused(call, 'INVALID_ARGUMENT', 'BAD_REQUEST', 'does not decode');
    expectNothingProposed();
  });

  it('is refused where the session has no client id', async () => {
    for (const write of writes) {
      const session = { clientId: 0, sequence: 1, acknowledgedThrough: 0 };
      const call = client[write]({ key: unwritten, value: 'v', session }, callOptions);
      await refused(call, 'INVALID_ARGUMENT', 'BAD_REQUEST', 'client_id 0');
    }
    await refused(
      client.closeSession({ clientId: 0 }, callOptions),
      'INVALID_ARGUMENT',
      'BAD_REQUEST',
      'client_id 0',
    );
    expectNothingProposed();
  });

  it('is refused where a number is too large to be one of ours', async () => {
    // Field 3, a session, whose field 1 is 2^64 - 1.
    const session = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    const bytes = Buffer.from([0x0a, 0x01, 0x6b, 0x1a, session.length, ...session]);
    const call = client.bytes('Put')(bytes, callOptions);
    await refused(call, 'INVALID_ARGUMENT', 'BAD_REQUEST', 'does not decode');
    expectNothingProposed();
  });

  it('is refused where the session was never issued', async () => {
    const session = { clientId: clientId + 1, sequence: 1, acknowledgedThrough: 0 };
    for (const write of writes) {
      const call = client[write]({ key: unwritten, value: 'v', session }, callOptions);
      await refused(call, 'INVALID_ARGUMENT', 'SESSION_NEVER_ISSUED', `session ${clientId + 1}`);
    }
    // That did not use the id up: it is still the next.
    expect(await client.openSession({}, callOptions)).to.deep.equal({ clientId: clientId + 1 });
  });

  it('is refused where the session has ended', async () => {
    await client.closeSession({ clientId }, callOptions);
    await client.closeSession({ clientId }, callOptions);
    const session = { clientId, sequence: 1, acknowledgedThrough: 0 };
    const call = client.put({ key: unwritten, value: 'v', session }, callOptions);
    await refused(call, 'FAILED_PRECONDITION', 'SESSION_EXPIRED', `session ${clientId}`);
  });

  it('is refused where the sequence is outside of its window, naming the bounds', async () => {
    const outside = [
      [0, 0, '1 to 1024'],
      [1025, 0, '1 to 1024'],
      [7, 7, '8 to 1031'],
      [1032, 7, '8 to 1031'],
    ] as const;
    for (const [sequence, acknowledgedThrough, bounds] of outside) {
      const session = { clientId, sequence, acknowledgedThrough };
      const call = client.put({ key: unwritten, value: 'v', session }, callOptions);
      await refused(call, 'INVALID_ARGUMENT', 'SEQUENCE_OUTSIDE_WINDOW', `sequence ${sequence}`, bounds);
    }
    expectNothingProposed();
  });

  it('is refused where the sequence is acknowledged already', async () => {
    const write = (sequence: number, acknowledgedThrough: number) => {
      const session = { clientId, sequence, acknowledgedThrough };
      return client.put({ key: 'acknowledged', value: String(sequence), session }, callOptions);
    };
    await write(3, 2);
    ({ keyCount } = cluster.replicas[0]!.status());
    await refused(write(2, 0), 'FAILED_PRECONDITION', 'ALREADY_ACKNOWLEDGED', 'sequence 2', 'through 2');
    expect((await client.get({ key: 'acknowledged' }, callOptions)).value).to.equal('3');
  });
});
