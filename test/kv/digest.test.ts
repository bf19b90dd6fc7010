import { expect } from 'chai';
import fc from 'fast-check';
import { digestOf, Hash, HashSum, type Lanes } from '../../src/kv/digest.js';
import { defaultSessionParameters, valueLimitBytes } from '../../src/kv/limits.js';
import { joined, measured, sliceEnd } from '../../src/kv/measured-text.js';
import type { Command } from '../../src/kv/operation.js';
import { entryHash } from '../../src/kv/store.js';
import { logsWithDuplicates, session, writeCommand } from '../support/commands.js';
import {
  applyEach,
  applyNext,
  digestHex,
  install,
  piecesOf,
  smallMachine,
  smallParameters,
} from '../support/key-value-states.js';
import { naiveDigest } from '../support/naive-digest.js';
import { NaiveState } from '../support/naive-state.js';

const lanesOf = ({ first, second }: Lanes): readonly [number, number] => [first, second];
const hashOf = (text: string) => lanesOf(new Hash().text(text).finish());
const bitsSet = (word: number): number => (word >>> 0).toString(2).replaceAll('0', '').length;

describe('the hash beneath the digest', () => {
  it('is the same for a text however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
        const hash = new Hash();
        for (const text of texts) hash.text(text);
        expect(lanesOf(hash.finish())).to.deep.equal(hashOf(texts.join('')));
      }),
    );
  });

  it('continues over what is added to a text, and measures it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (text, suffix) => {
        expect(joined(measured(text), suffix)).to.deep.equal(measured(text + suffix));
        expect(measured(text).bytes).to.equal(Buffer.byteLength(text));
      }),
    );
  });

  it('keeps the end of a key apart from the beginning of its value', () => {
    const hashes = ['', 'a', 'ab', 'abc'].map((key) =>
      lanesOf(entryHash(key, measured('abc'.slice(key.length)))).join(),
    );
    expect(new Set(hashes)).to.have.lengthOf(4);
  });

  it('changes about half of its bits with any bit of the text, in each lane', () => {
    const text = 'the quick brown fox';
    const [first, second] = hashOf(text);
    const changed = Array.from(text, (unit, index) =>
      [0, 1, 2, 3, 4, 5, 6].map((bit) => {
        const flipped = String.fromCharCode(unit.charCodeAt(0) ^ (1 << bit));
        return hashOf(text.slice(0, index) + flipped + text.slice(index + 1));
      }),
    ).flat();
    for (const [lane, before] of [first, second].entries()) {
      const counts = changed.map((hash) => bitsSet(hash[lane]! ^ before));
      expect(counts.reduce((sum, count) => sum + count) / counts.length).to.be.within(15, 17);
      expect(Math.min(...counts)).to.be.at.least(4);
    }
  });

  it('tells runs of the zero character apart by their length', () => {
    const hashes = [0, 1, 2, 3, 1000].map((length) => hashOf('\0'.repeat(length)).join());
    expect(new Set(hashes)).to.have.lengthOf(5);
  });

  it('tells numbers apart that share their low 32 bits', () => {
    const hashes = [1, 2 ** 32 + 1, 2 ** 33 + 1, Number.MAX_SAFE_INTEGER].map((value) =>
      lanesOf(new Hash().number(value).finish()).join(),
    );
    expect(new Set(hashes)).to.have.lengthOf(4);
  });

  it('sums a set in any order, and takes out what was added', () => {
    const hashes = ['a', 'b', 'c'].map((text) => new Hash().text(text).finish());
    const [forth, back, without] = [new HashSum(), new HashSum(), new HashSum()];
    for (const hash of hashes) forth.add(hash);
    for (const hash of hashes.toReversed()) back.add(hash);
    expect(lanesOf(forth)).to.deep.equal(lanesOf(back));
    forth.subtract(hashes[1]!);
    without.add(hashes[0]!);
    without.add(hashes[2]!);
    expect(lanesOf(forth)).to.deep.equal(lanesOf(without));
  });
});

describe('a slice of a text', () => {
  it('takes what fits and cuts no code point', () => {
    const text = 'aé€😀b';
    const ends = [0, 1, 2, 3, 5, 6, 9, 10, 11, 99].map((limitBytes) => sliceEnd(text, 0, limitBytes));
    expect(ends).to.deep.equal([0, 1, 1, 2, 2, 3, 3, 5, 6, 6]);
    expect(sliceEnd(text, 3, 4)).to.equal(5);
  });
});

describe('the digest of the state', () => {
  it('is, after every command of any log, what a naive twin computes in full', () => {
    fc.assert(
      fc.property(logsWithDuplicates, (log) => {
        const machine = smallMachine();
        const twin = new NaiveState(smallParameters);
        for (const command of log) {
          applyNext(machine, command);
          twin.apply(command);
          expect(digestHex(machine)).to.equal(naiveDigest(twin));
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not depend on when it is asked for', () => {
    fc.assert(
      fc.property(logsWithDuplicates, (log) => {
        const [often, once] = [smallMachine(), smallMachine()];
        for (const command of log) {
          applyNext(often, command);
          often.digest();
        }
        applyEach(once, log);
        expect(digestHex(once)).to.equal(digestHex(often));
      }),
    );
  });

  it('is that of the state, not of the way to it', () => {
    const open: Command = { kind: 'open-session' };
    const [one, other] = [smallMachine(), smallMachine()];
    applyEach(one, [
      open,
      writeCommand(session(1, 1), 'put', 'k', 'ab'),
      writeCommand(session(1, 2, 1), 'put', 'l', 'x'),
    ]);
    applyEach(other, [
      open,
      writeCommand(session(1, 1), 'put', 'l', 'x'),
      writeCommand(session(1, 2, 1), 'put', 'k', 'ab'),
    ]);
    expect(digestHex(one)).to.equal(digestHex(other));
  });

  it('covers many more sessions than are looked at between two digests', () => {
    const options = { sessionParameters: { ...smallParameters, sessionLimit: 2000 } };
    const [one, other] = [smallMachine(options), smallMachine(options)];
    for (const machine of [one, other]) {
      applyEach(machine, Array<Command>(1000).fill({ kind: 'open-session' }));
      for (let id = 1000; id > 0; id -= 1) {
        applyNext(machine, writeCommand(session(id, 1), 'put', 'k', 'v'));
        if (machine === other) machine.digest();
      }
    }
    expect(digestHex(one)).to.equal(digestHex(other));
    expect(digestHex(install(smallMachine(options), piecesOf(one)))).to.equal(digestHex(one));
  });
});

describe('the digest differs', () => {
  const open: Command = { kind: 'open-session' };
  const log: readonly Command[] = [
    open,
    open,
    writeCommand(session(1, 1), 'put', 'k', 'some'),
    writeCommand(session(2, 1), 'put-hash', 'l', 'value'),
    writeCommand(session(1, 2), 'append', 'k', ' text'),
  ];
  const digestAfter = (commands: readonly Command[]): string => {
    const machine = smallMachine();
    applyEach(machine, commands);
    return digestHex(machine);
  };
  const replaced = (index: number, command: Command): readonly Command[] => log.with(index, command);

  const other: readonly (readonly [what: string, log: readonly Command[]])[] = [
    ['a value', replaced(2, writeCommand(session(1, 1), 'put', 'k', 'same'))],
    ['a value that was appended to', replaced(4, writeCommand(session(1, 2), 'append', 'k', ' test'))],
    ['a key', replaced(3, writeCommand(session(2, 1), 'put-hash', 'm', 'value'))],
    ['what is acknowledged', replaced(3, writeCommand(session(2, 2, 1), 'put-hash', 'l', 'value'))],
    ['the sequence of a reply', replaced(3, writeCommand(session(2, 2), 'put-hash', 'l', 'value'))],
    ['the kind of a reply', replaced(4, writeCommand(session(1, 2), 'put', 'k', 'some text'))],
    ['the session of a reply', replaced(3, writeCommand(session(1, 3), 'put-hash', 'l', 'value'))],
    ['the order of use', [log[0]!, log[1]!, log[2]!, log[4]!, log[3]!]],
    ['the count of uses', [...log, log[4]!]],
    ['the counter of sessions', [...log, open, { kind: 'close-session', clientId: session(3, 1).clientId }]],
  ];
  for (const [what, changed] of other) {
    it(`if ${what} does`, () => {
      expect(digestAfter(changed)).not.to.equal(digestAfter(log));
      expect(digestAfter([...log])).to.equal(digestAfter(log));
    });
  }

  it('if the text of a reply does, although the values are equal again', () => {
    const ends = ['one', 'two'].map((text) =>
      digestAfter([
        open,
        writeCommand(session(1, 1), 'put', 'k', text),
        writeCommand(session(1, 2), 'put-hash', 'k', 'x'),
        writeCommand(session(1, 3), 'put', 'k', 'same'),
      ]),
    );
    expect(ends[0]).not.to.equal(ends[1]);
  });

  it('if the state version does', () => {
    const { store, sessions } = smallMachine();
    const [one, two] = [1, 2].map((stateVersion) => digestOf({ store, sessions, stateVersion }));
    expect(one).not.to.deep.equal(two);
  });

  it('if the refusal that was recorded does', () => {
    const ends = ['x', 'xx'].map((suffix) => {
      const machine = smallMachine({ sessionParameters: defaultSessionParameters });
      applyEach(machine, [
        open,
        writeCommand(session(1, 1), 'put', 'k', 'v'.repeat(valueLimitBytes)),
        writeCommand(session(1, 2), 'append', 'k', suffix),
      ]);
      return digestHex(machine);
    });
    expect(ends[0]).not.to.equal(ends[1]);
  });
});
