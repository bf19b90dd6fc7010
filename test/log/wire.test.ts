import { expect } from 'chai';
import fc from 'fast-check';
import { Batch as BatchMessage } from '../../gen/synod/log/v1/batch.js';
import { Header as HeaderMessage } from '../../gen/synod/peer/v1/header.js';
import { sameIdentity, type Batch } from '../../src/log/batch.js';
import type { DoneEntry } from '../../src/log/done-map.js';
import { headerFromWire, headerToWire } from '../../src/log/header-wire.js';
import type { Header } from '../../src/log/header.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { decodeBatch, encodeBatch } from '../../src/log/wire.js';
import { thrown } from '../support/rejection.js';
import { doneEntry, headerOf, incarnationOf } from '../support/rosters.js';

const count = fc.maxSafeNat();
const ids = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }).map(replicaId);
const incarnations = fc.string({ minLength: 1, maxLength: 64 }).map(incarnation);
const slots = fc.option(count, { nil: undefined });

const batches: fc.Arbitrary<Batch> = fc.record({
  origin: ids,
  incarnation: incarnations,
  number: count,
  commands: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
});

const headers: fc.Arbitrary<Header> = fc.record({
  protocolVersion: fc.nat(),
  clusterId: fc.string(),
  groupId: count,
  configEpoch: count,
  from: ids,
  to: ids,
  incarnation: incarnations,
  bootCounter: count,
  done: fc.array(fc.record<DoneEntry>({ replica: ids, incarnation: incarnations, through: slots }), {
    maxLength: 5,
  }),
  learnedThrough: slots,
  durableLsn: count,
});

const plain = (batch: Batch) => ({ ...batch, commands: batch.commands.map((command) => [...command]) });

describe('a batch on the wire', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(batches, (batch) => {
        expect(plain(decodeBatch(encodeBatch(batch)))).to.deep.equal(plain(batch));
      }),
    );
  });

  it('carries a command that is a piece of a larger buffer', () => {
    const command = Buffer.from('0123456789').subarray(3, 6);
    const batch = { origin: replicaId(1), incarnation: incarnationOf(1), number: 1, commands: [command] };
    expect(Buffer.from(decodeBatch(encodeBatch(batch)).commands[0]!).toString()).to.equal('345');
  });

  it('does not share its bytes with the message that it came in', () => {
    const bytes = encodeBatch({
      origin: replicaId(1),
      incarnation: incarnationOf(1),
      number: 1,
      commands: [Buffer.from('kept')],
    });
    const batch = decodeBatch(bytes);
    bytes.fill(0);
    expect(Buffer.from(batch.commands[0]!).toString()).to.equal('kept');
  });

  it('is refused if nobody can have made it', () => {
    const noOrigin = { origin: 0, incarnation: 'process', number: 1, commands: [] };
    const noIncarnation = { ...noOrigin, origin: 1, incarnation: '' };
    for (const message of [noOrigin, noIncarnation]) {
      thrown(() => decodeBatch(BatchMessage.encode(message).finish()), RangeError);
    }
    thrown(() => decodeBatch(Buffer.from([0x22, 0xff])), Error);
  });

  it('is the same as another if origin, process and number are, and only then', () => {
    fc.assert(
      fc.property(batches, batches, (left, right) => {
        expect(sameIdentity(left, { ...right, ...pickIdentity(left) })).to.equal(true);
        expect(sameIdentity(left, { ...left, number: left.number === 0 ? 1 : 0 })).to.equal(false);
        const origin = replicaId(left.origin === 1 ? 2 : 1);
        expect(sameIdentity(left, { ...left, origin })).to.equal(false);
        const other = incarnation(left.incarnation === 'a' ? 'b' : 'a');
        expect(sameIdentity(left, { ...left, incarnation: other })).to.equal(false);
      }),
    );
  });
});

const pickIdentity = ({ origin, incarnation, number }: Batch) => ({ origin, incarnation, number });

describe('a header on the wire', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(headers, (header) => {
        const bytes = HeaderMessage.encode(headerToWire(header)).finish();
        expect(headerFromWire(HeaderMessage.decode(bytes))).to.deep.equal(header);
      }),
    );
  });

  it('tells slot 0 from none', () => {
    for (const slot of [0, undefined]) {
      const header = headerOf({ learnedThrough: slot, done: [doneEntry(2, slot)] });
      const bytes = HeaderMessage.encode(headerToWire(header)).finish();
      expect(headerFromWire(HeaderMessage.decode(bytes))).to.deep.equal(header);
    }
  });

  it('is refused if absent, empty, or of an impossible replica or process', () => {
    const whole = headerToWire(headerOf());
    thrown(() => headerFromWire(undefined), Error);
    thrown(() => headerFromWire(HeaderMessage.decode(Buffer.alloc(0))), RangeError);
    thrown(() => headerFromWire({ ...whole, from: 0 }), RangeError);
    thrown(() => headerFromWire({ ...whole, to: 0 }), RangeError);
    thrown(() => headerFromWire({ ...whole, incarnation: '' }), RangeError);
    thrown(() => headerFromWire({ ...whole, incarnation: 'x'.repeat(65) }), RangeError);
    const entry = { replicaId: 0, incarnation: 'process', doneThrough: 1 };
    thrown(() => headerFromWire({ ...whole, done: [entry] }), RangeError);
  });
});
