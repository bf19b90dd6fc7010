import { expect } from 'chai';
import { Hash } from '../../src/kv/digest.js';
import {
  defaultSessionParameters,
  keyLimitBytes,
  valueLimitBytes,
  type SessionParameters,
} from '../../src/kv/limits.js';
import { clientId, type Command } from '../../src/kv/operation.js';
import {
  InvalidSnapshot,
  pieceLimitBytes,
  type EntryPart,
  type Opening,
  type Part,
  type SessionPart,
} from '../../src/kv/snapshot-parts.js';
import { sealOf } from '../../src/kv/snapshot.js';
import { decodePart, encodePart } from '../../src/kv/snapshot-wire.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import { replicaId } from '../../src/log/ids.js';
import { session, writeCommand } from '../support/commands.js';
import { applyEach, piecesOf } from '../support/key-value-states.js';
import { thrown } from '../support/rejection.js';

const sessionParameters = defaultSessionParameters;
const members = [1, 2, 3].map((id) => ({ id: replicaId(id), address: `host-${id}:4000` }));
const open: Command = { kind: 'open-session' };

/** A small state that holds one of everything. */
const smallState = (): KeyValueStateMachine => {
  const machine = new KeyValueStateMachine({ sessionParameters, members });
  applyEach(machine, [
    open,
    open,
    open,
    writeCommand(session(2, 1), 'put', 'a', 'v'.repeat(valueLimitBytes)),
    writeCommand(session(2, 2), 'append', 'a', 'x'),
    writeCommand(session(2, 3), 'put', 'a', 'some é€😀 text'),
    writeCommand(session(1, 7, 6), 'append', 'b', ''),
    writeCommand(session(1, 8, 6), 'put-hash', 'a', 'x'),
    writeCommand(session(1, 9, 6), 'put', 'é', '1234567'),
    { kind: 'close-session', clientId: clientId(3) },
  ]);
  return machine;
};

let pieces: Uint8Array[];
let parts: Part[];

const writeSmallState = (): void => {
  pieces = piecesOf(smallState());
  parts = pieces.map(decodePart);
};

const build = (changed: readonly Uint8Array[], parameters: SessionParameters = sessionParameters): void => {
  const builder = new KeyValueStateMachine({ sessionParameters: parameters }).builder();
  for (const piece of changed) builder.take(piece);
  builder.finish();
};
/** The parts as pieces, with the digest they end with and the hash that they have now. */
const sealed = (changed: readonly Part[]): Uint8Array[] => {
  const hash = new Hash();
  return changed.map((part) => {
    if (part.kind === 'closing')
      return encodePart({ ...part, seal: sealOf(part.seal.subarray(0, 48), hash) });
    const piece = encodePart(part);
    hash.bytes(piece);
    return piece;
  });
};

/** Which of the changed snapshots are taken in all the same. */
const accepted = (changes: Iterable<readonly [what: string, pieces: readonly Uint8Array[]]>): string[] => {
  const names: string[] = [];
  for (const [what, changed] of changes) {
    try {
      build(changed);
      names.push(what);
    } catch {
      continue;
    }
  }
  return names;
};

function* withBytesChanged(masks: readonly number[]): Generator<readonly [string, readonly Uint8Array[]]> {
  for (const [index, piece] of pieces.entries()) {
    for (let at = 0; at < piece.length; at += 1) {
      for (const mask of masks) {
        const changed = Uint8Array.from(piece);
        changed[at]! ^= mask;
        yield [`byte ${at} of piece ${index} ^ ${mask}`, pieces.with(index, changed)];
      }
    }
  }
}

function* withBytesMissing(): Generator<readonly [string, readonly Uint8Array[]]> {
  for (const [index, piece] of pieces.entries()) {
    for (let length = 0; length < piece.length; length += 1) {
      yield [`piece ${index} cut to ${length}`, pieces.with(index, piece.subarray(0, length))];
      yield [
        `piece ${index} without byte ${length}`,
        pieces.with(index, Buffer.concat([piece.subarray(0, length), piece.subarray(length + 1)])),
      ];
    }
  }
}

function* withPiecesMoved(): Generator<readonly [string, readonly Uint8Array[]]> {
  for (const [index, piece] of pieces.entries()) {
    yield [`without piece ${index}`, pieces.toSpliced(index, 1)];
    yield [`ended before piece ${index}`, pieces.slice(0, index)];
    for (const to of pieces.keys()) {
      yield [`piece ${index} again at ${to}`, pieces.toSpliced(to, 0, piece)];
      if (to !== index)
        yield [`piece ${index} moved to ${to}`, pieces.toSpliced(index, 1).toSpliced(to, 0, piece)];
      if (to > index)
        yield [`pieces ${index} and ${to} swapped`, pieces.with(index, pieces[to]!).with(to, piece)];
    }
  }
}

describe('a damaged snapshot is never taken in', () => {
  before(writeSmallState);

  it('for the whole one is, and has one of everything', () => {
    build(pieces);
    expect(parts.map(({ kind }) => kind)).to.deep.equal(['opening', 'sessions', 'entries', 'closing']);
  });

  it('whichever bit is flipped, or whole byte', () => {
    expect(accepted(withBytesChanged([1, 2, 4, 8, 16, 32, 64, 128, 255]))).to.deep.equal([]);
  }).timeout(60_000);

  it('wherever it is cut, whichever byte is missing', () => {
    expect(accepted(withBytesMissing())).to.deep.equal([]);
  });

  it('whichever piece is missing, doubled or in another place', () => {
    expect(accepted(withPiecesMoved())).to.deep.equal([]);
  });

  it('nor is anything after an error, the good pieces included', () => {
    const builder = new KeyValueStateMachine({ sessionParameters }).builder();
    expect(() => builder.take(pieces[1]!)).to.throw(InvalidSnapshot, 'not with its opening');
    for (const piece of pieces) {
      expect(() => builder.take(piece))
        .to.throw('takes no more pieces')
        .and.match(/not with its opening/);
    }
    expect(() => builder.finish()).to.throw('takes no more pieces');
    expect(() => builder.install()).to.throw('only a snapshot that was finished');
  });
});

describe('a snapshot names what is wrong with it', () => {
  let opening: Opening;
  let first: SessionPart;
  let second: SessionPart;
  let a: EntryPart;
  let b: EntryPart;
  let c: EntryPart;

  before(() => {
    writeSmallState();
    const [begin, sessions, entries] = parts;
    if (begin?.kind !== 'opening' || sessions?.kind !== 'sessions' || entries?.kind !== 'entries') {
      throw new Error('the small state has other pieces');
    }
    opening = begin.opening;
    [first, second] = [sessions.sessions[0]!, sessions.sessions[1]!];
    [a, b, c] = [entries.entries[0]!, entries.entries[1]!, entries.entries[2]!];
  });

  const problemOf = (changed: readonly Part[], parameters?: SessionParameters): string =>
    thrown(() => build(changed.map(encodePart), parameters), InvalidSnapshot).message;
  const withOpening = (changes: Partial<Opening>): Part[] => [
    { kind: 'opening', opening: { ...opening, ...changes } },
    ...parts.slice(1),
  ];
  const withSessions = (changed: readonly SessionPart[]): Part[] =>
    parts.with(1, { kind: 'sessions', sessions: changed });
  const withEntries = (...changed: readonly { key: string; value: string }[]): Part[] =>
    parts.with(2, { kind: 'entries', entries: changed });

  it('session parameters that are not ours, naming both', () => {
    const problem = problemOf(parts, { ...sessionParameters, sequenceWindow: 512 });
    expect(problem).to.include('window 1024; ours are').and.to.include('window 512');
  });

  it('a version of the layout or the state that this software does not know, naming both', () => {
    expect(problemOf(withOpening({ formatVersion: 2 }))).to.include(
      'format version is 2; this version reads 1',
    );
    expect(problemOf(withOpening({ stateVersion: 2 }))).to.include(
      'state version is 2; this version applies 1 to 1',
    );
    expect(problemOf(withOpening({ stateVersion: 0 }))).to.include('state version is 0');
  });

  it('counts that do not hold', () => {
    expect(problemOf(withOpening({ entryCount: 4 }))).to.include('has 3 entries; its opening says 4');
    expect(problemOf(withOpening({ sessionCount: 1 }))).to.include('has 2 sessions; its opening says 1');
  });

  it('what no digest of the state covers: the last slot, the members', () => {
    const changes: Partial<Opening>[] = [
      { through: 10 },
      { through: undefined },
      { members: members.slice(1) },
    ];
    for (const change of changes)
      expect(problemOf(withOpening(change))).to.include('its digest and hash are');
  });

  it('contents that have another digest, although the pieces are as they were sealed', () => {
    const ascending = { ...c, key: 'ö' };
    const [reply] = second.replies;
    const contents: Part[][] = [
      withEntries({ ...a, value: 'another' }, b, c),
      withEntries(a, b, ascending),
      withSessions([{ ...first, usedAt: first.usedAt - 1 }, second]),
      withSessions([first, { ...second, usedAt: second.usedAt - 1 }]),
      withSessions([{ ...first, acknowledgedThrough: 1, replies: first.replies.slice(1) }, second]),
      withSessions([first, { ...second, replies: second.replies.slice(1) }]),
      withSessions([
        first,
        { ...second, replies: second.replies.with(0, { ...reply!, result: { kind: 'put' } }) },
      ]),
      withSessions([first, { ...second, id: clientId(3) }]),
      withOpening({ nextClientId: 5 }),
      withOpening({ sessionUses: 100 }),
    ];
    for (const [index, content] of contents.entries()) {
      expect(() => build(sealed(content)), `content ${index}`).to.throw('its digest and hash are');
    }
    build(sealed(parts));
  });

  it('entries out of order or past a limit', () => {
    expect(problemOf(withEntries(b, a, c))).to.include('key "a" is out of order');
    expect(problemOf(withEntries(a, a, b))).to.include('key "a" is out of order');
    expect(problemOf(withEntries({ key: '', value: '' }, b, c))).to.include('empty key');
    const large = { key: 'k'.repeat(keyLimitBytes + 1), value: '' };
    expect(problemOf(withEntries(large, c))).to.include('key of 4097 bytes; the limit is 4096');
    expect(problemOf(withEntries())).to.include('a piece is empty');
  });

  it('a value that grows past its limit over many pieces, or goes on with nothing', () => {
    const stretch: Part = {
      kind: 'entries',
      entries: [{ key: 'ü', value: 'v'.repeat(valueLimitBytes / 8) }],
    };
    const stretches = Array<Part>(9).fill(stretch);
    expect(problemOf(parts.toSpliced(3, 0, ...stretches))).to.include(
      'value of 1179648 bytes; the limit is 1048576',
    );
    const nothing: Part = { kind: 'entries', entries: [{ key: 'é', value: '' }] };
    expect(problemOf(parts.toSpliced(3, 0, nothing))).to.include('goes on with nothing');
  });

  it('sessions out of the order of use, twice, or never issued', () => {
    expect(problemOf(withSessions([second, first]))).to.include(
      `session ${first.id} is out of the order of use`,
    );
    expect(problemOf(withSessions([first, first]))).to.include('out of the order of use');
    expect(problemOf(withSessions([first, { ...second, usedAt: 10 }]))).to.include('out of the order of use');
    expect(problemOf(withSessions([first, { ...second, id: clientId(4) }]))).to.include('not below 4');
    const twice = () => build(withSessions([first, { ...second, id: first.id }]).map(encodePart));
    expect(twice).to.throw('comes twice');
  });

  it('replies out of order or outside the window, and sessions that go on as others', () => {
    const [, ...rest] = second.replies;
    expect(problemOf(withSessions([first, { ...second, replies: second.replies.toReversed() }]))).to.include(
      'is outside',
    );
    const far = [...rest, { sequence: 6 + 1025, result: { kind: 'put' } as const }];
    expect(problemOf(withSessions([first, { ...second, replies: far }]))).to.include('sequence 1031');
    const goesOn = (part: SessionPart): Part[] =>
      parts.toSpliced(2, 0, { kind: 'sessions', sessions: [part] });
    expect(problemOf(goesOn({ ...second, acknowledgedThrough: 5 }))).to.include('goes on as another');
    expect(problemOf(goesOn({ ...second, usedAt: second.usedAt - 1 }))).to.include('goes on as another');
    expect(problemOf(goesOn({ ...second, replies: [] }))).to.include('goes on with nothing');
    expect(problemOf(goesOn({ ...second, replies: second.replies.slice(-1) }))).to.include(
      'goes on with no text',
    );
  });

  it('pieces that are too large, or of no known kind, or not text', () => {
    expect(() => build([new Uint8Array(pieceLimitBytes + 1)])).to.throw('262145 bytes; the limit is 262144');
    expect(() => build([Uint8Array.from([0x7a, 0])])).to.throw('of a kind unknown');
    const broken = Buffer.from(pieces[2]!);
    broken[broken.indexOf('é')] = 0xff;
    expect(() => build(pieces.with(2, broken))).to.throw(TypeError);
  });
});

describe('the writer of a snapshot', () => {
  it('throws at the last piece if the state no longer has the digest that was kept while applying', () => {
    const machine = smallState();
    const value = machine.store.valueOf('b');
    Object.assign(value, { text: 'B' });
    const written: Uint8Array[] = [];
    const write = () => {
      for (const piece of machine.snapshot().chunks()) written.push(piece);
    };
    expect(write).to.throw('The state in memory is damaged: rebuild this replica');
    expect(written).to.have.lengthOf(3);
  });
});
