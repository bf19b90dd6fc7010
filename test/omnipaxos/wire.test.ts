import { expect } from 'chai';
import fc from 'fast-check';
import {
  ExchangeRequest,
  ExchangeResponse,
  type Message as WireMessage,
} from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import type { Ballot } from '../../src/log/ballot.js';
import { replicaId } from '../../src/log/ids.js';
import { limits } from '../../src/log/limits.js';
import type { Message } from '../../src/omnipaxos/messages.js';
import { exchangeCodec } from '../../src/omnipaxos/wire.js';
import { thrown } from '../support/rejection.js';
import { headerOf } from '../support/rosters.js';

type Kind = Message['kind'];
type OfKind<Which extends Kind> = Extract<Message, { readonly kind: Which }>;

const header = headerOf({ learnedThrough: 4 });
const count = fc.integer({ min: 0, max: limits.plausibleLead });
const ballot: fc.Arbitrary<Ballot> = fc.record({
  round: fc.integer({ min: 1, max: limits.plausibleLead }),
  replica: fc.integer({ min: 1, max: 2 ** 40 }).map(replicaId),
});
const anyBallot = fc.option(ballot, { nil: undefined });
const values = fc.array(
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 4 },
);
const of = <Which extends Kind>(
  kind: Which,
  fields: { [Field in keyof Omit<OfKind<Which>, 'kind'>]: fc.Arbitrary<OfKind<Which>[Field]> },
): fc.Arbitrary<Message> =>
  fc.record({ kind: fc.constant(kind), ...fields }) as unknown as fc.Arbitrary<Message>;

const state = { ballot, sync: count, accepted: anyBallot, acceptedEnd: count, decidedEnd: count };
const page = { page: count, first: count, values, last: fc.boolean() };

const messages: Readonly<Record<Kind, fc.Arbitrary<Message>>> = {
  'heartbeat-request': of('heartbeat-request', {
    round: count,
    sent: fc.option(fc.record({ sync: count, counter: count }), { nil: undefined }),
  }),
  heartbeat: of('heartbeat', {
    round: count,
    ballot: anyBallot,
    candidate: fc.boolean(),
    led: fc.boolean(),
  }),
  prepare: of('prepare', state),
  promise: of('promise', { ...state, ...page, floor: count, counted: fc.boolean() }),
  'accept-sync': of('accept-sync', { ...page, ballot, sync: count, decidedEnd: count }),
  'page-received': of('page-received', { ballot, sync: count, page: count }),
  'accept-decide': of('accept-decide', {
    ballot,
    sync: count,
    counter: count,
    first: count,
    values,
    decidedEnd: count,
  }),
  accepted: of('accepted', { ballot, acceptedEnd: count }),
  'not-accepted': of('not-accepted', { promised: ballot }),
  'prepare-request': of('prepare-request', { promised: anyBallot }),
  behind: of('behind', { ballot, floor: count }),
  confirm: of('confirm', { ballot, number: count }),
  confirmed: of('confirmed', { ballot, number: count }),
};

/** Those of the ballots that may be absent. */
const optionalBallots: ReadonlySet<string> = new Set([
  'heartbeat.ballot',
  'prepare.accepted',
  'promise.accepted',
  'prepareRequest.promised',
]);

const wireOf = (message: Message): WireMessage =>
  exchangeCodec.write({ header, body: [message] }).messages[0]!;
const readingFails = (message: WireMessage): string =>
  thrown(
    () =>
      exchangeCodec.read({ header: exchangeCodec.write({ header, body: [] }).header, messages: [message] }),
    Error,
  ).message;

/** The message with one of its fields changed. */
const withField = ({ kind }: WireMessage, name: string, value: unknown): WireMessage =>
  ({ kind: { ...kind, value: { ...kind?.value, [name]: value } } }) as WireMessage;

/** Messages of every kind as they look on the wire. */
const samples = Object.values(messages).flatMap((message) =>
  fc.sample(message, { seed: 7, numRuns: 30 }).map(wireOf),
);
const fieldsOf = ({ kind }: WireMessage): [string, unknown][] => Object.entries(kind?.value ?? {});

describe('the messages of OmniPaxos on the wire', () => {
  for (const [kind, message] of Object.entries(messages)) {
    it(`bring ${kind} back as it went, both ways`, () => {
      fc.assert(
        fc.property(message, (body) => {
          for (const direction of [ExchangeRequest, ExchangeResponse]) {
            const bytes = direction.encode(exchangeCodec.write({ header, body: [body] })).finish();
            expect(exchangeCodec.read(direction.decode(bytes))).to.deep.equal({ header, body: [body] });
          }
        }),
      );
    });
  }

  it('refuse every number that nobody can have come to, and name it', () => {
    const far = limits.plausibleLead + 1;
    const refused = new Set<string>();
    for (const sample of samples) {
      for (const [name, value] of fieldsOf(sample)) {
        if (typeof value !== 'number') continue;
        const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
        const problem = readingFails(withField(sample, name, far));
        expect(problem).to.include(`${sample.kind!.$case}: ${words}`).and.include(String(far));
        refused.add(`${sample.kind!.$case}.${name}`);
      }
    }
    expect(refused).to.have.property('size', 25);
  });

  it('refuse every ballot that is none or implausible, or absent where one has to be', () => {
    const refused = new Set<string>();
    for (const sample of samples) {
      for (const [name] of fieldsOf(sample)) {
        if (!['ballot', 'accepted', 'promised'].includes(name)) continue;
        const field = `${sample.kind!.$case}.${name}`;
        const given = (round: number, replica: number) =>
          withField(sample, name, { round, replicaId: replica });
        expect(readingFails(given(0, 1))).to.equal(`${sample.kind!.$case}: the message has no ballot`);
        expect(readingFails(given(1, 0))).to.include('replica id 0');
        expect(readingFails(given(limits.plausibleLead + 1, 1))).to.include('implausibly');
        refused.add(field);
        if (optionalBallots.has(field)) continue;
        expect(readingFails(withField(sample, name, undefined)), field).to.include('no ballot');
      }
    }
    expect(refused).to.have.property('size', 14);
  });

  it('bring several back in their order, and none', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(...Object.values(messages)), { maxLength: 6 }), (body) => {
        const bytes = ExchangeRequest.encode(exchangeCodec.write({ header, body })).finish();
        expect(exchangeCodec.read(ExchangeRequest.decode(bytes))).to.deep.equal({ header, body });
      }),
    );
  });

  it('refuse what the last numbered message cannot be', () => {
    const request = wireOf({ kind: 'heartbeat-request', round: 1, sent: { sync: 1, counter: 2 } });
    for (const name of ['sync', 'counter']) {
      const sent = { sync: 1, counter: 2, [name]: limits.plausibleLead + 1 };
      expect(readingFails(withField(request, 'sent', sent))).to.include(`heartbeatRequest: ${name}`);
    }
  });

  it('refuse a message of no kind, or of one that is not known yet, among good ones', () => {
    const { header: opening } = exchangeCodec.write({ header, body: [] });
    const good = wireOf({ kind: 'heartbeat', round: 1, ballot: undefined, candidate: true, led: true });
    const read = (bytes: Uint8Array) => exchangeCodec.read(ExchangeRequest.decode(bytes));
    const none = ExchangeRequest.encode({ header: opening, messages: [good, { kind: undefined }] }).finish();
    expect(thrown(() => read(none), Error).message).to.include('no known kind');
    // Field 2 of the frame: a message whose field 99 is an empty message.
    const unknown = Buffer.from([0x12, 3, 0x9a, 0x06, 0]);
    const bytes = Buffer.concat([
      ExchangeRequest.encode({ header: opening, messages: [good] }).finish(),
      unknown,
    ]);
    expect(ExchangeRequest.decode(bytes).messages).to.have.length(2);
    expect(thrown(() => read(bytes), Error).message).to.include('no known kind');
  });

  it('refuse a frame without a header', () => {
    expect(thrown(() => exchangeCodec.read({ header: undefined, messages: [] }), Error).message).to.include(
      'no header',
    );
  });

  it('carry values as the bytes they are, also out of the midst of others', () => {
    const whole = Buffer.from([9, 8, 7, 6, 5, 4]);
    const part = new Uint8Array(whole.buffer, whole.byteOffset + 2, 3);
    const body: Message = {
      kind: 'accept-decide',
      ballot: { round: 1, replica: replicaId(1) },
      sync: 1,
      counter: 1,
      first: 0,
      values: [part],
      decidedEnd: 0,
    };
    const bytes = ExchangeRequest.encode(exchangeCodec.write({ header, body: [body] })).finish();
    const [read] = exchangeCodec.read(ExchangeRequest.decode(bytes)).body;
    expect(read?.kind === 'accept-decide' && [...read.values[0]!]).to.deep.equal([7, 6, 5]);
  });
});
