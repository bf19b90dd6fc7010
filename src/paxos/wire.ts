import type {
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
} from '../../gen/synod/paxos/v1/paxos.js';
import { ballotFromWire, ballotToWire, bytesToWire } from '../log/ballot-wire.js';
import { headerFromWire, headerToWire } from '../log/header-wire.js';
import type { Codec } from '../rpc/peer-method.js';
import type {
  Accept,
  AcceptReply,
  Behind,
  Decide,
  Decided,
  DecideReply,
  Learn,
  LearnReply,
  Prepare,
  PrepareReply,
  ReachReply,
  Refused,
  Reject,
} from './messages.js';

const behindToWire = ({ floor }: Behind) => ({ $case: 'behind', value: { floor } }) as const;

const refusedToWire = ({ reason }: Refused) =>
  ({ $case: 'refused', value: { reason: reason === 'no-space' ? 'NO_SPACE' : 'NOT_VOTING' } }) as const;

function refusedFromWire(reason: string): Refused {
  switch (reason) {
    case 'NO_SPACE':
      return { kind: 'refused', reason: 'no-space' };
    case 'NOT_VOTING':
      return { kind: 'refused', reason: 'not-voting' };
    default:
      throw new Error(`"${reason}" is no reason to refuse a vote`);
  }
}

/** The answers that Prepare and Accept share. */
const outcomeToWire = (reply: Reject | Decided | Behind | Refused) => {
  switch (reply.kind) {
    case 'reject':
      return { $case: 'reject', value: { highestPromised: ballotToWire(reply.highestPromised) } } as const;
    case 'decided':
      return { $case: 'decided', value: { value: bytesToWire(reply.value) } } as const;
    case 'behind':
      return behindToWire(reply);
    case 'refused':
      return refusedToWire(reply);
  }
};

type OutcomeMessage = Exclude<NonNullable<PrepareResponse['result']>, { readonly $case: 'promise' }>;

const outcomeFromWire = (result: OutcomeMessage | undefined): Reject | Decided | Behind | Refused => {
  switch (result?.$case) {
    case 'reject':
      return { kind: 'reject', highestPromised: ballotFromWire(result.value.highestPromised) };
    case 'decided':
      return { kind: 'decided', value: result.value.value };
    case 'behind':
      return { kind: 'behind', floor: result.value.floor };
    case 'refused':
      return refusedFromWire(result.value.reason);
    case undefined:
      throw new Error('the message has no result');
  }
};

export const prepareCodec: Codec<Prepare, PrepareRequest> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    slot: body.slot,
    ballot: ballotToWire(body.ballot),
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: { slot: message.slot, ballot: ballotFromWire(message.ballot) },
  }),
};

export const acceptCodec: Codec<Accept, AcceptRequest> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    slot: body.slot,
    ballot: ballotToWire(body.ballot),
    value: bytesToWire(body.value),
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: { slot: message.slot, ballot: ballotFromWire(message.ballot), value: message.value },
  }),
};

export const decideCodec: Codec<Decide, DecideRequest> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    slot: body.slot,
    value: bytesToWire(body.value),
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: { slot: message.slot, value: message.value },
  }),
};

export const learnCodec: Codec<Learn, LearnRequest> = {
  write: ({ header, body }) => ({ header: headerToWire(header), ...body }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: { firstSlot: message.firstSlot, lastSlot: message.lastSlot },
  }),
};

const prepareResult = (reply: PrepareReply): PrepareResponse['result'] => {
  if (reply.kind !== 'promise') return outcomeToWire(reply);
  const vote = reply.vote && {
    ballot: ballotToWire(reply.vote.ballot),
    value: bytesToWire(reply.vote.value),
  };
  return { $case: 'promise', value: { vote } };
};

const prepareReply = ({ result }: PrepareResponse): PrepareReply => {
  if (result?.$case !== 'promise') return outcomeFromWire(result);
  const { vote } = result.value;
  return { kind: 'promise', vote: vote && { ballot: ballotFromWire(vote.ballot), value: vote.value } };
};

const acceptResult = (reply: AcceptReply): AcceptResponse['result'] =>
  reply.kind === 'accept-ok' ? { $case: 'acceptOk', value: {} } : outcomeToWire(reply);

const acceptReply = ({ result }: AcceptResponse): AcceptReply =>
  result?.$case === 'acceptOk' ? { kind: 'accept-ok' } : outcomeFromWire(result);

export const prepareReplyCodec: Codec<PrepareReply, PrepareResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), result: prepareResult(body) }),
  read: (message) => ({ header: headerFromWire(message.header), body: prepareReply(message) }),
};

export const acceptReplyCodec: Codec<AcceptReply, AcceptResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), result: acceptResult(body) }),
  read: (message) => ({ header: headerFromWire(message.header), body: acceptReply(message) }),
};

const decideResult = (reply: DecideReply): DecideResponse['result'] =>
  reply.kind === 'decide-ok' ? { $case: 'decideOk', value: {} } : behindToWire(reply);

const decideReply = ({ result }: DecideResponse): DecideReply => {
  switch (result?.$case) {
    case 'decideOk':
      return { kind: 'decide-ok' };
    case 'behind':
      return { kind: 'behind', floor: result.value.floor };
    case undefined:
      throw new Error('the message has no result');
  }
};

export const decideReplyCodec: Codec<DecideReply, DecideResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), result: decideResult(body) }),
  read: (message) => ({ header: headerFromWire(message.header), body: decideReply(message) }),
};

export const learnReplyCodec: Codec<LearnReply, LearnResponse> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    decided: body.decided.map(({ slot, value }) => ({ slot, value: bytesToWire(value) })),
    behind: body.behind && { floor: body.behind.floor },
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: {
      decided: message.decided.map(({ slot, value }) => ({ slot, value })),
      behind: message.behind && { kind: 'behind', floor: message.behind.floor },
    },
  }),
};

export const reachCodec: Codec<undefined, ReachRequest> = {
  write: ({ header }) => ({ header: headerToWire(header) }),
  read: (message) => ({ header: headerFromWire(message.header), body: undefined }),
};

export const reachReplyCodec: Codec<ReachReply, ReachResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), reach: body.reach }),
  read: (message) => ({ header: headerFromWire(message.header), body: { reach: message.reach } }),
};
