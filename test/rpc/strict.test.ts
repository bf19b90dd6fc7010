import { expect } from 'chai';
import fc from 'fast-check';
import { KVServiceService, PutRequest } from '../../gen/synod/kv/v1/kv.js';
import { type AcceptRequest, PaxosPeerServiceService } from '../../gen/synod/paxos/v1/paxos.js';
import { strictly, type Decoded } from '../../src/rpc/strict.js';

const decode = (bytes: Uint8Array): Decoded<unknown> => {
  const put = strictly(KVServiceService)['put']!;
  return put.requestDeserialize(Buffer.from(bytes)) as Decoded<unknown>;
};

const putRequest = (key: string, value: string): PutRequest => ({ key, value, session: undefined });
const encoded = (request: PutRequest): Buffer => Buffer.from(PutRequest.encode(request).finish());

describe('strict decoding', () => {
  it('lets every valid request through as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, value) => {
        fc.pre(key.isWellFormed() && value.isWellFormed());
        const request = putRequest(key, value);
        expect(decode(encoded(request))).to.deep.equal({ ok: true, message: request });
      }),
    );
  });

  it('keeps a byte order mark, which is text like any other', () => {
    expect(decode(encoded(putRequest('\uFEFFkey', 'value')))).to.deep.equal({
      ok: true,
      message: putRequest('\uFEFFkey', 'value'),
    });
  });

  it('refuses text that is not UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
      const decoded = decode(Uint8Array.from([0x0a, bytes.length, ...bytes]));
      expect(decoded, JSON.stringify(bytes)).to.have.property('ok', false);
      expect(decoded).to.have.property('problem').that.is.not.empty;
    }
  });

  it('refuses a request that was cut short anywhere but between its fields', () => {
    const whole = encoded(putRequest('key', 'value'));
    const between = new Set([0, encoded(putRequest('key', '')).length, whole.length]);
    for (let length = 0; length <= whole.length; length += 1) {
      expect(decode(whole.subarray(0, length)).ok, `${length} bytes`).to.equal(between.has(length));
    }
  });

  it('refuses bytes after what decodes as the end of a message', () => {
    const whole = encoded(putRequest('key', 'value'));
    for (const junk of [
      [0x00, 0xff, 0xff],
      [0x1c, 0x01],
    ]) {
      expect(decode(Buffer.concat([whole, Buffer.from(junk)])).ok, JSON.stringify(junk)).to.equal(false);
    }
  });

  it('refuses a number that is not a safe integer', () => {
    const accept = strictly(PaxosPeerServiceService)['accept']!;
    const slotField = 0x10;
    const tooLarge = Buffer.from([slotField, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    expect(accept.requestDeserialize(tooLarge)).to.have.property('ok', false);
  });

  it('never throws, whatever the bytes', () => {
    const accept = strictly(PaxosPeerServiceService)['accept']!;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = accept.requestDeserialize(Buffer.from(bytes)) as Decoded<AcceptRequest>;
        expect(decoded.ok ? typeof decoded.message : typeof decoded.problem).to.be.oneOf([
          'object',
          'string',
        ]);
      }),
    );
  });

  it('leaves everything else of the service as it was', () => {
    const { requestDeserialize: _strict, ...rest } = strictly(KVServiceService)['pipeline']!;
    const { requestDeserialize: _lenient, ...expected } = KVServiceService.pipeline;
    expect(rest).to.deep.equal(expected);
  });
});
