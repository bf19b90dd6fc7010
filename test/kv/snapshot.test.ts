import { expect } from 'chai';
import fc from 'fast-check';
import { encodeCommand } from '../../src/kv/command.js';
import { defaultSessionParameters, valueLimitBytes } from '../../src/kv/limits.js';
import { clientId, type Command } from '../../src/kv/operation.js';
import { openingOf } from '../../src/kv/snapshot-builder.js';
import { InvalidSnapshot, pieceLimitBytes } from '../../src/kv/snapshot-parts.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import { replicaId } from '../../src/log/ids.js';
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

const open: Command = { kind: 'open-session' };
const hex = (pieces: Iterable<Uint8Array>): string[] =>
  Array.from(pieces, (piece) => Buffer.from(piece).toString('hex'));
const logWithCut = fc.tuple(logsWithDuplicates, fc.nat()).map(([log, at]) => ({
  before: log.slice(0, at % (log.length + 1)),
  after: log.slice(at % (log.length + 1)),
}));

/** No two stretches of it are equal, so that no two pieces are. `filling` stands after each number. */
const countedText = (bytes: number, filling = ''): string => {
  const count = Math.floor(bytes / (8 + Buffer.byteLength(filling)));
  const texts = Array.from({ length: count }, (_, index) => String(index).padStart(8, '0') + filling).join(
    '',
  );
  return texts + 'x'.repeat(bytes - Buffer.byteLength(texts));
};

/** Enough sessions, replies and values that are large that each kind of part is split over pieces. */
const largeState = (): KeyValueStateMachine => {
  const machine = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  applyEach(machine, [open, open, open]);
  const cycle = [countedText(valueLimitBytes), countedText(valueLimitBytes, 'é€😀'), countedText(300_000)];
  let sequence = 0;
  for (const [index, value] of cycle.entries()) {
    for (const [id, kind] of [
      [2, 'put'],
      [2, 'put-hash'],
      [3, 'put'],
    ] as const) {
      sequence += 1;
      applyNext(machine, writeCommand(session(id, sequence), kind, `k${index}`, value));
    }
  }
  for (let reply = 1; reply <= 1000; reply += 1) {
    applyNext(machine, writeCommand(session(1, reply), 'put-hash', `n${reply % 7}`, 'é'.repeat(100)));
    applyNext(machine, writeCommand(session(1, 1000 + reply, reply), 'put', `m${reply}`, 'v'.repeat(500)));
  }
  return machine;
};

describe('a snapshot of the key/value state', () => {
  it('is that of its moment, whatever is applied while it is written', () => {
    fc.assert(
      fc.property(logWithCut, ({ before, after }) => {
        const [machine, fresh] = [smallMachine(), smallMachine()];
        applyEach(machine, before);
        applyEach(fresh, before);
        const snapshot = machine.snapshot();
        const pieces = snapshot.chunks()[Symbol.iterator]();
        const written: Uint8Array[] = [];
        const rest = [...after];
        for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
          written.push(next.value);
          applyEach(machine, rest.splice(0, Math.ceil(after.length / 4)));
        }
        applyEach(machine, rest);
        expect(hex(written)).to.deep.equal(hex(piecesOf(fresh)));
        expect(hex(snapshot.chunks()), 'written again').to.deep.equal(hex(written));
        expect(snapshot.digest).to.deep.equal(fresh.digest());
        expect(snapshot.through).to.equal(fresh.applied);
      }),
      { numRuns: 300 },
    );
  });

  it('changes nothing in the state it is taken of', () => {
    fc.assert(
      fc.property(logsWithDuplicates, (log) => {
        const [watched, left] = [smallMachine(), smallMachine()];
        const results = log.map((command) => {
          watched.snapshot();
          return applyNext(watched, command);
        });
        expect(results).to.deep.equal(applyEach(left, log));
        expect(hex(piecesOf(watched))).to.deep.equal(hex(piecesOf(left)));
      }),
    );
  });

  it('goes on after its install as if all had been applied: results, digests, sessions', () => {
    fc.assert(
      fc.property(logWithCut, ({ before, after }) => {
        const [all, installed] = [smallMachine(), smallMachine()];
        applyEach(all, before);
        install(installed, piecesOf(all));
        expect(installed.applied).to.equal(all.applied);
        for (const command of after) {
          expect(applyNext(installed, command)).to.deep.equal(applyNext(all, command));
          expect(digestHex(installed)).to.equal(digestHex(all));
        }
        expect(hex(piecesOf(installed))).to.deep.equal(hex(piecesOf(all)));
        expect(installed.sessions.repliesBytes).to.equal(all.sessions.repliesBytes);
      }),
      { numRuns: 300 },
    );
  });

  it('takes the place of an older state whole, in the same machine', () => {
    const [ahead, behind] = [smallMachine(), smallMachine()];
    const log = [open, writeCommand(session(1, 1), 'put', 'old', 'x')];
    applyEach(ahead, [...log, writeCommand(session(1, 2), 'put', 'new', 'y'), open]);
    applyEach(behind, log);
    applyNext(behind, writeCommand(session(1, 2), 'put', 'other', 'z'));
    install(behind, piecesOf(ahead));
    expect(digestHex(behind)).to.equal(digestHex(ahead));
    expect(behind.store.get({ kind: 'get', key: 'other' })).to.have.property('found', false);
    expect(() => behind.apply(3, [])).to.throw('4 is next');
    expect(applyNext(behind, open)).to.deep.equal({ kind: 'session-opened', clientId: 3 });
  });

  it('leaves the state in use until it is installed', () => {
    const [source, target] = [smallMachine(), smallMachine()];
    applyEach(source, [open, writeCommand(session(1, 1), 'put', 'k', 'v')]);
    const builder = target.builder();
    const before = digestHex(target);
    for (const piece of piecesOf(source)) {
      builder.take(piece);
      expect(digestHex(target)).to.equal(before);
    }
    expect(() => builder.install()).to.throw('only a snapshot that was finished can be installed');
    expect(builder.finish()).to.deep.equal({ through: 1, digest: source.digest() });
    expect(digestHex(target)).to.equal(before);
    builder.install();
    expect(digestHex(target)).to.equal(digestHex(source));
    expect(() => builder.install(), 'twice').to.throw('only a snapshot that was finished');
  });

  it('is refused if it would lead back', () => {
    const [older, newer] = [smallMachine(), smallMachine()];
    applyEach(newer, [open, open]);
    applyEach(older, [open]);
    expect(() => install(newer, piecesOf(older))).to.throw('a snapshot through 0 cannot follow slot 1');
    expect(() => install(newer, piecesOf(smallMachine()))).to.throw('through nothing cannot follow slot 1');
    expect(applyNext(newer, open)).to.deep.equal({ kind: 'session-opened', clientId: 3 });
  });

  it('of nothing applied is one too', () => {
    const snapshot = smallMachine().snapshot();
    expect(snapshot.through).to.equal(undefined);
    const installed = install(smallMachine(), snapshot.chunks());
    expect(installed.applied).to.equal(undefined);
    expect(applyNext(installed, open)).to.deep.equal({ kind: 'session-opened', clientId: 1 });
  });

  it('names the members in force', () => {
    const members = [1, 3].map((id) => ({ id: replicaId(id), address: `host-${id}:4000` }));
    const machine = smallMachine({ members });
    const builder = smallMachine().builder();
    expect(builder.members).to.equal(undefined);
    for (const piece of piecesOf(machine)) builder.take(piece);
    expect(builder.members).to.deep.equal(members);
    expect(openingOf(piecesOf(machine)[0]!)).to.deep.include({ members, sessionParameters: smallParameters });
  });
});

describe('the pieces of a large snapshot', () => {
  let machine: KeyValueStateMachine;
  let pieces: Uint8Array[];

  before(() => {
    machine = largeState();
    pieces = piecesOf(machine);
  });

  it('are at most 256 KiB each, and few', () => {
    const bytes = pieces.map((piece) => piece.length);
    expect(Math.max(...bytes))
      .to.be.at.most(pieceLimitBytes)
      .and.above(pieceLimitBytes - 64);
    const total = bytes.reduce((sum, length) => sum + length);
    expect(pieces.length).to.be.below(2 * (total / pieceLimitBytes));
  });

  it('hold values and replies of any size, whatever their characters', () => {
    const installed = install(
      new KeyValueStateMachine({ sessionParameters: defaultSessionParameters }),
      pieces,
    );
    expect(digestHex(installed)).to.equal(digestHex(machine));
    expect(hex(piecesOf(installed))).to.deep.equal(hex(pieces));
    for (const key of ['k0', 'k1', 'k2', 'm1000', 'n3']) {
      expect(installed.store.get({ kind: 'get', key })).to.deep.equal(
        machine.store.get({ kind: 'get', key }),
      );
    }
    const copy = encodeCommand(writeCommand(session(2, 5), 'put-hash', 'k1', ''));
    expect(installed.recorded(copy)).to.deep.equal(machine.recorded(copy)).and.not.to.equal(undefined);
    const append = writeCommand(session(3, 10), 'append', 'k0', 'x');
    expect(applyNext(installed, append))
      .to.deep.equal(applyNext(machine, append))
      .and.include({ kind: 'refused' });
  });

  it('cannot miss one, nor come twice or in another order', () => {
    const attempt = (changed: readonly Uint8Array[]) => () => {
      const builder = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters }).builder();
      for (const piece of changed) builder.take(piece);
      builder.finish();
    };
    expect(attempt(pieces)).not.to.throw();
    for (const [index, piece] of pieces.entries()) {
      expect(attempt(pieces.toSpliced(index, 1)), `without piece ${index}`).to.throw(InvalidSnapshot);
      expect(attempt(pieces.toSpliced(index, 0, piece)), `piece ${index} twice`).to.throw();
      if (index === 0) continue;
      const swapped = pieces.with(index, pieces[index - 1]!).with(index - 1, piece);
      expect(attempt(swapped), `piece ${index} before ${index - 1}`).to.throw(InvalidSnapshot);
    }
  }).timeout(60_000);
});

describe('what a write was answered', () => {
  it('is known as long as it is recorded, and asking changes nothing', () => {
    const machine = smallMachine();
    const write = writeCommand(session(1, 1), 'put-hash', 'k', 'v');
    const recorded = (command: Command) => machine.recorded(encodeCommand(command));
    expect(recorded(write), 'no session').to.equal(undefined);
    applyNext(machine, open);
    expect(recorded(write), 'not applied').to.equal(undefined);
    const answer = applyNext(machine, write);
    const digest = digestHex(machine);
    expect(recorded(write)).to.deep.equal(answer);
    expect(recorded(writeCommand(session(1, 2, 1), 'put', 'k', 'v')), 'another sequence').to.equal(undefined);
    for (const command of [open, { kind: 'get', key: 'k' }] as const) {
      expect(recorded(command)).to.equal(undefined);
    }
    expect(digestHex(machine)).to.equal(digest);
    applyNext(machine, writeCommand(session(1, 2, 1), 'put', 'k', 'v'));
    expect(recorded(write), 'acknowledged').to.equal(undefined);
    applyNext(machine, { kind: 'close-session', clientId: clientId(1) });
    expect(recorded(writeCommand(session(1, 2, 1), 'put', 'k', 'v')), 'ended').to.equal(undefined);
  });

  it('is known after a snapshot took the place of the state', () => {
    const [machine, installed] = [smallMachine(), smallMachine()];
    const write = writeCommand(session(1, 1), 'put-hash', 'k', 'v');
    applyEach(machine, [open, writeCommand(session(1, 2), 'put', 'k', 'before'), write]);
    install(installed, piecesOf(machine));
    expect(installed.recorded(encodeCommand(write))).to.deep.equal({
      kind: 'put-hash',
      previousValue: 'before',
    });
  });
});

describe('the checkpoints', () => {
  const told = (log: readonly Command[], from: KeyValueStateMachine | undefined) => {
    const checkpoints: string[] = [];
    const machine = smallMachine({
      checkpointIntervalSlots: 4,
      checkpoint: (slot, digest) => checkpoints.push(`${slot} ${Buffer.from(digest).toString('hex')}`),
    });
    if (from !== undefined) install(machine, piecesOf(from));
    applyEach(machine, log);
    return checkpoints;
  };

  it('come after each slot that is a multiple of the interval, above 0, with the digest after it', () => {
    const log = Array<Command>(10).fill(open);
    const digestAfter = (count: number) => digestHex(withLog(log.slice(0, count)));
    expect(told(log, undefined)).to.deep.equal([`4 ${digestAfter(5)}`, `8 ${digestAfter(9)}`]);
  });

  it('are the same after an install', () => {
    const log = Array<Command>(10).fill(open);
    expect(told(log.slice(3), withLog(log.slice(0, 3)))).to.deep.equal(told(log, undefined));
  });

  it('come every 1,024 slots unless told otherwise', () => {
    const slots: number[] = [];
    const machine = smallMachine({ checkpoint: (slot) => slots.push(slot) });
    for (let slot = 0; slot <= 2100; slot += 1) machine.apply(slot, []);
    expect(slots).to.deep.equal([1024, 2048]);
  });
});

const withLog = (log: readonly Command[]): KeyValueStateMachine => {
  const machine = smallMachine();
  applyEach(machine, log);
  return machine;
};

describe('a state for a restored cluster', () => {
  it('keeps data, counters and the last slot, and has no sessions', () => {
    const machine = withLog([open, open, writeCommand(session(1, 1), 'put', 'k', 'v')]);
    machine.dropSessions();
    const restored = install(smallMachine(), piecesOf(machine));
    expect(restored.applied).to.equal(2);
    expect(restored.stateVersion).to.equal(1);
    expect(restored.sessions.size).to.equal(0);
    expect(restored.sessions.repliesBytes).to.equal(0);
    expect(restored.store.get({ kind: 'get', key: 'k' })).to.have.property('value', 'v');
    expect(applyNext(restored, writeCommand(session(2, 1), 'put', 'k', 'w'))).to.include({
      refusal: 'expired',
    });
    expect(applyNext(restored, open)).to.deep.equal({ kind: 'session-opened', clientId: 3 });
  });
});
