import { expect } from 'chai';
import { valueLimitBytes } from '../../src/kv/limits.js';
import { Store } from '../../src/kv/store.js';
import { nextLink } from '../support/fnv-twin.js';

const read = (store: Store, key: string) => store.get({ kind: 'get', key });
const found = (value: string) => ({ kind: 'get', value, found: true });

describe('the store', () => {
  let store: Store;

  beforeEach(() => {
    store = new Store();
  });

  it('reads a missing key as the empty text, and says that it is missing', () => {
    expect(read(store, 'k')).to.deep.equal({ kind: 'get', value: '', found: false });
    store.write({ kind: 'put', key: 'k', value: '' });
    expect(read(store, 'k')).to.deep.equal(found(''));
    expect(store.size).to.equal(1);
  });

  it('replaces by Put and adds to the end by Append, which begins a missing key', () => {
    expect(store.write({ kind: 'append', key: 'k', value: 'a' })).to.deep.equal({ kind: 'append' });
    store.write({ kind: 'append', key: 'k', value: 'bc' });
    expect(read(store, 'k')).to.deep.equal(found('abc'));
    expect(store.write({ kind: 'put', key: 'k', value: 'z' })).to.deep.equal({ kind: 'put' });
    expect(read(store, 'k')).to.deep.equal(found('z'));
  });

  it('answers the previous value to PutHash and stores the hash of both', () => {
    expect(store.write({ kind: 'put-hash', key: 'k', value: 'x' })).to.deep.equal({
      kind: 'put-hash',
      previousValue: '',
    });
    const first = nextLink('', 'x');
    expect(read(store, 'k')).to.deep.equal(found(first));
    expect(store.write({ kind: 'put-hash', key: 'k', value: 'é' })).to.deep.equal({
      kind: 'put-hash',
      previousValue: first,
    });
    expect(read(store, 'k')).to.deep.equal(found(nextLink(first, 'é')));
  });

  it('refuses an Append that would grow a value past its limit, and changes nothing', () => {
    const almost = 'é'.repeat(valueLimitBytes / 2 - 1);
    store.write({ kind: 'put', key: 'k', value: almost });
    expect(store.write({ kind: 'append', key: 'k', value: 'abc' })).to.deep.equal({
      kind: 'refused',
      refusal: 'value-limit',
      detail: 'the value would grow to 1048577 bytes; the limit is 1048576',
    });
    expect(read(store, 'k')).to.deep.equal(found(almost));
    expect(store.write({ kind: 'append', key: 'k', value: 'ab' })).to.deep.equal({ kind: 'append' });
    expect(store.write({ kind: 'append', key: 'k', value: 'c' })).to.have.property('kind', 'refused');
    expect(read(store, 'k')).to.deep.equal(found(`${almost}ab`));
  });

  it('measures what Append finds, whichever write left it', () => {
    store.write({ kind: 'append', key: 'k', value: 'v'.repeat(valueLimitBytes) });
    expect(store.write({ kind: 'append', key: 'k', value: 'v' })).to.have.property('kind', 'refused');
    store.write({ kind: 'put-hash', key: 'k', value: 'v' });
    const hashed = read(store, 'k');
    const room = valueLimitBytes - (hashed.kind === 'get' ? hashed.value.length : 0);
    expect(store.write({ kind: 'append', key: 'k', value: 'v'.repeat(room) })).to.have.property(
      'kind',
      'append',
    );
    expect(store.write({ kind: 'append', key: 'k', value: 'v' })).to.have.property('kind', 'refused');
    store.write({ kind: 'put', key: 'k', value: '' });
    expect(store.write({ kind: 'append', key: 'k', value: 'v' })).to.have.property('kind', 'append');
  });

  it('gives a view that no later write shows in', () => {
    store.write({ kind: 'put', key: 'b', value: '1' });
    store.write({ kind: 'append', key: 'a', value: '2' });
    const view = store.view();
    const sum = { first: store.sum.first, second: store.sum.second };
    store.write({ kind: 'append', key: 'a', value: '3' });
    store.write({ kind: 'put', key: 'c', value: '4' });
    expect(view).to.deep.include({ size: 2, sum });
    const entries = Array.from(view.entries(), ([key, { text }]) => [key, text]);
    expect(entries).to.deep.equal([
      ['a', '2'],
      ['b', '1'],
    ]);
  });
});
