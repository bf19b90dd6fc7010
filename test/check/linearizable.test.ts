import { expect } from 'chai';
import type { HistoryEntry } from '../../src/check/history.js';
import { checkLinearizable } from '../../src/check/linearizable.js';
import { nextLink } from '../support/fnv-twin.js';
import { ToldClient } from '../support/history-entries.js';
import { violationIn } from '../support/history-violation.js';

const [a, b, c] = [new ToldClient('a'), new ToldClient('b'), new ToldClient('c')];
const link = (...values: readonly string[]) => values.reduce(nextLink, '');

const legal = (what: string, ...history: HistoryEntry[]) =>
  it(`allow ${what}`, () => {
    expect(checkLinearizable(history).kind).to.equal('linearizable');
    expect(checkLinearizable([...history].reverse()).kind, 'in another order').to.equal('linearizable');
  });

/** The last of them is the one that cannot be. */
const illegal = (what: string, ...history: HistoryEntry[]) =>
  it(`do not allow ${what}`, () => {
    const violation = violationIn(history);
    expect(violation.culprit).to.equal(history.at(-1));
    expect(violation).to.include({ narrowed: true, unlessHashesCollide: false });
    expect(violationIn([...history].reverse()).culprit, 'in another order').to.equal(history.at(-1));
  });

describe('linearizability of one client after another', () => {
  legal('nothing at all');
  legal('a Get of a missing key', a.get(undefined, 0, 1));
  legal('a Get of an empty value', a.put('', 0, 1), a.get('', 2, 3));
  legal('a Get of what was put', a.put('1', 0, 1), b.get('1', 2, 3));
  legal('that Append begins a missing key', a.append('x', 0, 1), a.append('y', 2, 3), b.get('xy', 4, 5));
  legal(
    'a chain of PutHash',
    a.putHash('x', '', 0, 1),
    b.putHash('y', link('x'), 2, 3),
    a.get(link('x', 'y'), 4, 5),
  );
  legal('PutHash on an empty value', a.put('', 0, 1), a.putHash('x', '', 2, 3), a.get(link('x'), 4, 5));

  illegal('a value out of nowhere', a.get('1', 0, 1));
  illegal('an empty value found where nothing is', a.get('', 0, 1));
  illegal('a value that is missing although it is empty', a.put('', 0, 1), a.get(undefined, 2, 3));
  illegal('a stale read', a.put('1', 0, 1), a.put('2', 2, 3), b.get('1', 4, 5));
  illegal('that a write is gone', a.put('1', 0, 1), b.get(undefined, 2, 3));
  illegal('a lost Append', a.append('x', 0, 1), b.append('y', 2, 3), a.get('y', 4, 5));
  illegal('that an Append replaces', a.put('x', 0, 1), a.append('y', 2, 3), a.get('y', 4, 5));
  illegal('an Append that ran twice', a.append('x', 0, 1), a.get('xx', 2, 3));
  illegal('Appends in the wrong order', a.append('x', 0, 1), b.append('y', 2, 3), a.get('yx', 4, 5));
  illegal('a broken chain', a.putHash('x', '', 0, 1), b.putHash('y', '', 2, 3));
  illegal('a hash of something else', a.putHash('x', '', 0, 1), a.get(link('y'), 2, 3));
  illegal('a found key that nothing was put in', a.get(undefined, 0, 1), b.get('', 2, 3));

  it('do not allow an answer that contradicts itself', () => {
    const end = { kind: 'answered', at: 3, answer: { kind: 'get', value: '1', found: false } } as const;
    const odd: HistoryEntry = { client: 'b', operation: { kind: 'get', key: 'k' }, calledAt: 2, end };
    expect(violationIn([a.put('1', 0, 1), odd]).culprit).to.equal(odd);
  });
});

describe('linearizability of clients at once', () => {
  legal('that a Get sees a write under way', a.put('1', 0, 10), b.get('1', 2, 3));
  legal('that a Get does not see it', a.put('1', 0, 10), b.get(undefined, 2, 3));
  legal(
    'Gets that see two writes in turn',
    a.put('1', 0, 10),
    b.put('2', 0, 10),
    c.get('1', 1, 2),
    c.get('2', 3, 4),
  );
  legal('both orders of Appends', a.append('x', 0, 10), b.append('y', 0, 10), c.get('yx', 11, 12));
  legal(
    'an order two Gets tell',
    a.append('x', 0, 9),
    b.append('y', 0, 9),
    c.get('y', 1, 2),
    c.get('yx', 10, 11),
  );
  legal(
    'a PutHash overtaken',
    a.putHash('x', link('y'), 0, 9),
    b.putHash('y', '', 1, 2),
    c.get(link('y', 'x'), 10, 11),
  );
  // The drawing of two orders in the README of Porcupine: three clients and a register.
  legal(
    'a Put seen by one and not yet by the other',
    a.put('100', 0, 10),
    b.get('100', 2, 7),
    c.get(undefined, 3, 6),
  );
  illegal(
    'a Put seen by one and then not by the other',
    a.put('100', 0, 10),
    b.get('100', 1, 3),
    c.get(undefined, 4, 6),
  );
  illegal(
    'reads that go back',
    a.put('1', 0, 20),
    b.put('2', 0, 20),
    c.get('1', 1, 2),
    c.get('2', 3, 4),
    c.get('1', 5, 6),
  );
  illegal('a lost update', a.putHash('x', '', 0, 10), b.putHash('y', '', 0, 11));
  illegal(
    'two orders at once',
    a.append('x', 0, 9),
    b.append('y', 0, 9),
    c.get('xy', 10, 11),
    a.get('yx', 10, 12),
  );
  illegal(
    'an order that Gets told otherwise',
    a.append('x', 0, 9),
    b.append('y', 0, 9),
    c.get('x', 1, 2),
    c.get('yx', 10, 11),
  );

  it('take operations that touch at one instant for concurrent', () => {
    expect(checkLinearizable([a.put('1', 0, 5), b.get(undefined, 5, 6)]).kind).to.equal('linearizable');
    expect(checkLinearizable([a.put('1', 5, 5), b.get(undefined, 5, 5)]).kind).to.equal('linearizable');
    expect(checkLinearizable([a.put('1', 0, 5), b.get(undefined, 5.001, 6)]).kind).to.equal('violated');
  });

  it('take an operation without duration for one', () => {
    expect(checkLinearizable([a.put('1', 1, 1), b.get('1', 2, 2)]).kind).to.equal('linearizable');
  });
});

describe('linearizability of unknown outcomes', () => {
  legal('that it never runs', a.put('1', 0), b.get(undefined, 1, 2), b.get(undefined, 100, 101));
  legal('that it runs late', a.put('1', 0), b.get(undefined, 1, 2), b.get('1', 100, 101));
  legal(
    'that it runs late although its client goes on',
    a.put('1', 0),
    a.put('2', 1, 2),
    a.get('2', 3, 4),
    a.get('1', 5, 6),
  );
  legal('that some run', a.append('x', 0), b.append('y', 0), c.append('z', 0), a.get('zx', 1, 2));
  legal(
    'two PutHashes in a row that nobody saw',
    a.putHash('x', '', 0),
    b.putHash('y', '', 0),
    c.get(link('y', 'x'), 1, 2),
  );
  legal(
    'three PutHashes in a row that nobody saw, with an Append among them',
    a.putHash('x', '', 0),
    b.putHash('y', '', 0),
    b.append('!', 0),
    c.putHash('z', '', 0),
    c.get(link('y', 'x'), 1, 2),
    c.get(nextLink(`${link('y', 'x')}!`, 'z'), 3, 4),
  );
  legal('a Get that nobody saw the answer of', a.put('1', 0, 1), { ...b.get('', 2), client: 'b' });
  illegal('that it runs before it is called', b.get('1', 0, 1));
  illegal('that it runs twice', a.append('x', 0), b.get('xx', 1, 2));
  illegal('that it is undone', a.put('1', 0), b.get('1', 1, 2), b.get(undefined, 3, 4));
  illegal(
    'that it runs twice with another between',
    a.put('1', 0),
    b.get('1', 1, 2),
    b.put('2', 3, 4),
    b.get('1', 5, 6),
  );

  it('do not allow a value before its unknown Put is called', () => {
    const [early, put] = [b.get('1', 0, 1), a.put('1', 2)];
    expect(violationIn([put, early]).culprit).to.equal(early);
  });
});

describe('linearizability of several keys', () => {
  const [k1, k2] = [a.on('k1'), a.on('k2')];

  it('has every key by itself', () => {
    const history = [
      k1.put('1', 0, 1),
      k2.get(undefined, 2, 3),
      k2.put('2', 4, 5),
      k1.get('1', 6, 7),
      k2.get('2', 8, 9),
    ];
    expect(checkLinearizable(history)).to.include({ kind: 'linearizable', keys: 2 });
  });

  it('names the key at fault', () => {
    const history = [k1.put('1', 0, 1), k2.get('1', 2, 3), k1.get('1', 4, 5), k1.append('2', 6, 7)];
    expect(violationIn(history).key).to.equal('k2');
  });
});

describe('a violation', () => {
  it('shows the order before it and what the key would have answered', () => {
    const history = [
      a.put('1', 0, 1),
      b.append('2', 2, 9),
      c.get('12', 3, 4),
      a.get('1', 5, 6), // went back
      a.put('3', 7, 8),
    ];
    const { key, culprit, prefix, held } = violationIn(history);
    expect({ key, culprit, held }).to.deep.equal({ key: 'k', culprit: history[3], held: '12' });
    expect(prefix).to.deep.equal(history.slice(0, 3));
  });

  it('says that a key is missing', () => {
    expect(violationIn([a.get('1', 0, 1)])).to.include({ held: undefined });
  });

  it('shows a PutHash that was seen before it was answered in the order, with what it would have answered', () => {
    const wrong = b.putHash('y', '?', 2, 9);
    const { prefix, culprit, held } = violationIn([a.put('1', 0, 1), wrong, c.get(nextLink('1', 'y'), 3, 4)]);
    expect(culprit).to.equal(wrong);
    expect(prefix.indexOf(wrong)).to.equal(1);
    expect(held).to.equal('1');
  });

  it('is the first that can be known: what follows has no part in it', () => {
    const first = b.get('9', 2, 3);
    const history = [a.put('1', 0, 1), first, b.get('8', 4, 5), b.get('7', 6, 7)];
    expect(violationIn(history).culprit).to.equal(first);
  });
});
