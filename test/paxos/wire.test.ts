import { expect } from 'chai';
import fc from 'fast-check';
import {
  AcceptRequest,
  AcceptResponse,
  DecideRequest,
  DecideResponse,
  LearnRequest,
  LearnResponse,
  PrepareRequest,
  PrepareResponse,
  ReachRequest,
  ReachResponse,
  type MessageFns,
} from '../../gen/synod/paxos/v1/paxos.js';
import { replicaId } from '../../src/log/ids.js';
import { limits } from '../../src/log/limits.js';
import type { Ballot } from '../../src/log/ballot.js';
import type { Vote } from '../../src/paxos/messages.js';
import {
  acceptCodec,
  acceptReplyCodec,
  decideCodec,
  decideReplyCodec,
  learnCodec,
  learnReplyCodec,
  prepareCodec,
  prepareReplyCodec,
  reachCodec,
  reachReplyCodec,
} from '../../src/paxos/wire.js';
import type { Codec } from '../../src/rpc/peer-method.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';
import { headerOf } from '../support/rosters.js';

const header = headerOf({ learnedThrough: 4 });
const slot = fc.maxSafeNat();
const value = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
const ballot: fc.Arbitrary<Ballot> = fc.record({
  round: fc.integer({ min: 1, max: limits.plausibleLead }),
  replica: fc.integer({ min: 1, max: 2 ** 40 }).map(replicaId),
});
const vote: fc.Arbitrary<Vote> = fc.record({ ballot, value });
const behind = fc.record({ kind: fc.constant('behind' as const), floor: slot });
const refusal = fc.oneof(
  fc.record({ kind: fc.constant('reject' as const), highestPromised: ballot }),
  fc.record({ kind: fc.constant('decided' as const), value }),
  behind,
  fc.record({
    kind: fc.constant('refused' as const),
    reason: fc.constantFrom('no-space' as const, 'not-voting' as const),
  }),
);
const option = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });

describe('the messages of Paxos on the wire', () => {
  const comesBack = <Body, Message>(
    name: string,
    codec: Codec<Body, Message>,
    message: MessageFns<Message>,
    bodies: fc.Arbitrary<Body>,
  ) =>
    it(`bring ${name} back as it went`, () => {
      fc.assert(
        fc.property(bodies, (body) => {
          const bytes = message.encode(codec.write({ header, body })).finish();
          expect(codec.read(message.decode(bytes))).to.deep.equal({ header, body });
        }),
      );
    });

  comesBack('Prepare', prepareCodec, PrepareRequest, fc.record({ slot, ballot }));
  comesBack('Accept', acceptCodec, AcceptRequest, fc.record({ slot, ballot, value }));
  comesBack('Decide', decideCodec, DecideRequest, fc.record({ slot, value }));
  comesBack('Learn', learnCodec, LearnRequest, fc.record({ firstSlot: slot, lastSlot: slot }));
  comesBack(
    'the answer to Prepare',
    prepareReplyCodec,
    PrepareResponse,
    fc.oneof(fc.record({ kind: fc.constant('promise' as const), vote: option(vote) }), refusal),
  );
  comesBack(
    'the answer to Accept',
    acceptReplyCodec,
    AcceptResponse,
    fc.oneof(fc.record({ kind: fc.constant('accept-ok' as const) }), refusal),
  );
  comesBack(
    'the answer to Decide',
    decideReplyCodec,
    DecideResponse,
    fc.oneof(fc.record({ kind: fc.constant('decide-ok' as const) }), behind),
  );
  comesBack(
    'the answer to Learn',
    learnReplyCodec,
    LearnResponse,
    fc.record({ decided: fc.array(fc.record({ slot, value }), { maxLength: 3 }), behind: option(behind) }),
  );

  comesBack('Reach', reachCodec, ReachRequest, fc.constant(undefined));
  comesBack('the answer to Reach', reachReplyCodec, ReachResponse, fc.record({ reach: option(slot) }));

  it('refuse a refusal for a reason that is none', () => {
    const refused = prepareReplyCodec.write({ header, body: { kind: 'refused', reason: 'no-space' } });
    const garbled = { ...refused, result: { $case: 'refused' as const, value: { reason: 'TIRED' } } };
    expect(thrown(() => prepareReplyCodec.read(garbled), Error).message).to.include('TIRED');
    thrown(() => acceptReplyCodec.read(garbled), Error);
  });

  it('refuse an answer that says nothing', () => {
    const empty = { header: prepareReplyCodec.write({ header, body: { kind: 'behind', floor: 0 } }).header };
    thrown(() => prepareReplyCodec.read({ ...empty, result: undefined }), Error);
    thrown(() => acceptReplyCodec.read({ ...empty, result: undefined }), Error);
    thrown(() => decideReplyCodec.read({ ...empty, result: undefined }), Error);
  });

  it('refuse a round that nobody else would take, also in an answer', () => {
    const far = ballotOf(limits.plausibleLead + 1, 3);
    const prepare = prepareCodec.write({ header, body: { slot: 0, ballot: far } });
    const reject = prepareReplyCodec.write({ header, body: { kind: 'reject', highestPromised: far } });
    const promise = { kind: 'promise', vote: { ballot: far, value: valueOf('value') } } as const;
    const promised = prepareReplyCodec.write({ header, body: promise });
    expect(thrown(() => prepareCodec.read(prepare), Error).message).to.include('implausibly');
    expect(thrown(() => prepareReplyCodec.read(reject), Error).message).to.include('implausibly');
    expect(thrown(() => prepareReplyCodec.read(promised), Error).message).to.include('implausibly');
  });
});
