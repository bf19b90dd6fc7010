import { expect } from 'chai';
import fc from 'fast-check';
import { formatAddress, isLoopback, parseAddress, type Address } from '../../src/rpc/address.js';
import { thrown } from '../support/rejection.js';

const port = fc.integer({ min: 0, max: 65535 });
const addresses: fc.Arbitrary<Address> = fc.oneof(
  fc.record({ kind: fc.constant('tcp' as const), host: fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), port }),
  fc.record({
    kind: fc.constant('unix' as const),
    path: fc.stringMatching(/^\/[a-zA-Z0-9._-]([a-zA-Z0-9._/-]){0,40}$/),
  }),
);

describe('an address', () => {
  it('is read in every form there is', () => {
    const forms: Record<string, Address> = {
      '127.0.0.1:80': { kind: 'tcp', host: '127.0.0.1', port: 80 },
      'replica-1.example:65535': { kind: 'tcp', host: 'replica-1.example', port: 65535 },
      '[::1]:0': { kind: 'tcp', host: '::1', port: 0 },
      '[fe80::1%eth0]:8001': { kind: 'tcp', host: 'fe80::1%eth0', port: 8001 },
      'unix:/run/synod.sock': { kind: 'unix', path: '/run/synod.sock' },
      'unix:///run/synod.sock': { kind: 'unix', path: '/run/synod.sock' },
    };
    for (const [text, address] of Object.entries(forms)) {
      expect(parseAddress(text), text).to.deep.equal(address);
    }
  });

  it('comes back from its text as it was', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parseAddress(formatAddress(address))).to.deep.equal(address);
      }),
    );
  });

  it('is refused as the path of a socket that the operating system would cut, with the limit', () => {
    const longest = `/${'a'.repeat(106)}`;
    expect(parseAddress(`unix:${longest}`)).to.deep.equal({ kind: 'unix', path: longest });
    for (const path of [`${longest}a`, `/${'é'.repeat(54)}`]) {
      expect(thrown(() => parseAddress(`unix:${path}`), RangeError).message)
        .to.include(path)
        .and.to.include('107');
    }
  });

  it('is refused with its text and the forms there are', () => {
    const wrong = [
      '',
      'host',
      'host:',
      ':80',
      'host:port',
      'host:65536',
      'host:123456',
      'host:-1',
      '::1:80',
      '[host]:80',
      '[::1]',
      'a b:80',
      'http://host:80',
      'unix:',
      'unix:/',
      'unix:relative.sock',
      '127.0.0.1:80 ',
    ];
    for (const text of wrong) {
      const { message } = thrown(() => parseAddress(text), RangeError);
      expect(message).to.include(`"${text}"`).and.to.include('HOST:PORT');
    }
  });

  it('is known as loopback if only this machine can reach it', () => {
    for (const text of ['127.0.0.1:1', '127.1.2.3:1', 'localhost:1', '[::1]:1', 'unix:/run/synod.sock']) {
      expect(isLoopback(parseAddress(text)), text).to.equal(true);
    }
    for (const text of ['0.0.0.0:1', '10.0.0.1:1', '[::]:1', 'localhost.example:1', '127.0.0.1.example:1']) {
      expect(isLoopback(parseAddress(text)), text).to.equal(false);
    }
  });
});
