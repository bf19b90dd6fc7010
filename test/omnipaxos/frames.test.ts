import { expect } from 'chai';
import fc from 'fast-check';
import { ExchangeRequest } from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import { limits } from '../../src/log/limits.js';
import { framesOf } from '../../src/omnipaxos/frames.js';
import type { Message } from '../../src/omnipaxos/messages.js';
import { exchangeCodec } from '../../src/omnipaxos/wire.js';
import { acceptDecideOf } from '../support/omnipaxos-machine.js';
import { ballotOf } from '../support/paxos-values.js';
import { headerOf } from '../support/rosters.js';

const low = ballotOf(1, 1);
const accepted = (acceptedEnd: number, ballot = low): Message => ({ kind: 'accepted', ballot, acceptedEnd });
const numbered = (number: number): Message => ({ kind: 'confirm', ballot: low, number });
const filled = (bytes: number): Message => ({
  ...acceptDecideOf(low, 1, 1, 0, []),
  values: [new Uint8Array(bytes)],
});
const mebibyte = 1024 * 1024;

describe('the frames that messages of OmniPaxos share', () => {
  it('are none for no messages, and one for small ones', () => {
    expect(framesOf([])).to.deep.equal([]);
    const messages = [numbered(1), numbered(2), numbered(3)];
    expect(framesOf(messages)).to.deep.equal([messages]);
  });

  it('leave out an Accepted that the next message outdates, and no other', () => {
    const higher = ballotOf(2, 1);
    expect(framesOf([accepted(1), accepted(2), accepted(3)])).to.deep.equal([[accepted(3)]]);
    for (const messages of [
      [accepted(1), accepted(2, higher)],
      [accepted(1), numbered(1), accepted(2)],
      [accepted(3), numbered(1)],
    ]) {
      expect(framesOf(messages)).to.deep.equal([messages]);
    }
  });

  it('give a message that fills one a frame of its own', () => {
    const frames = framesOf([numbered(1), filled(3 * mebibyte), numbered(2)]);
    expect(frames.map((frame) => frame.map(({ kind }) => kind))).to.deep.equal([
      ['confirm'],
      ['accept-decide'],
      ['confirm'],
    ]);
  });

  it('keep every message, in order, and stay below what a peer takes', () => {
    const message = fc.oneof(
      fc.nat(100).map(numbered),
      fc.constantFrom(1, 1000, mebibyte / 2, mebibyte, 2 * mebibyte).map(filled),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const frames = framesOf(messages);
        expect(frames.flat()).to.deep.equal(messages);
        for (const body of frames) {
          expect(body).to.have.length.above(0);
          const request = exchangeCodec.write({ header: headerOf(), body });
          expect(ExchangeRequest.encode(request).finish().length).to.be.below(limits.peerMessageBytes);
        }
        frames.slice(1).forEach(([first], index) => {
          const together = [...(frames[index] ?? []), ...(first === undefined ? [] : [first])];
          expect(bytesOf(together), 'the next would have fitted').to.be.above(2 * mebibyte);
        });
      }),
      { numRuns: 60 },
    );
  });
});

const bytesOf = (messages: readonly Message[]): number =>
  messages.reduce(
    (sum, message) =>
      sum + ('values' in message ? message.values.reduce((all, { length }) => all + length, 0) : 0),
    0,
  );
