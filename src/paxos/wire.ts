import type {
  AcceptRequest,
  AcceptResponse,
  Ballot as BallotMessage,
  DecideRequest,
  DecideResponse,
  LearnRequest,
  LearnResponse,
  PrepareRequest,
  PrepareResponse,
} from '../../gen/synod/paxos/v1/paxos.js';
import { headerFromWire, headerToWire } from '../log/header-wire.js';
import { replicaId } from '../log/ids.js';
import type { Codec } from '../rpc/peer-method.js';
import type { Ballot } from './ballot.js';
import type {
  Accept,
  AcceptReply,
  Decide,
  DecideReply,
  Learn,
  LearnReply,
  Prepare,
  PrepareReply,
  Reject,
} from './messages.js';

const bytesToWire = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const ballotToWire = ({ round, replica }: Ballot): BallotMessage => ({ round, replicaId: replica });

function ballotFromWire(message: BallotMessage | undefined): Ballot {
  if (message === undefined || message.round === 0) throw new Error('the message has no ballot');
  return { round: message.round, replica: replicaId(message.replicaId) };
}

const noResult = (): never => {
  throw new Error('the message has no result');
};

const rejectToWire = (reject: Reject) => ({ highestPromised: ballotToWire(reject.highestPromised) });
const rejectFromWire = (message: { readonly highestPromised: BallotMessage | undefined }): Reject => ({
  kind: 'reject',
  highestPromised: ballotFromWire(message.highestPromised),
});

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
  switch (reply.kind) {
    case 'promise': {
      const vote = reply.vote && {
        ballot: ballotToWire(reply.vote.ballot),
        value: bytesToWire(reply.vote.value),
      };
      return { $case: 'promise', value: { vote } };
    }
    case 'reject':
      return { $case: 'reject', value: rejectToWire(reply) };
    case 'decided':
      return { $case: 'decided', value: { value: bytesToWire(reply.value) } };
    case 'behind':
      return { $case: 'behind', value: { floor: reply.floor } };
  }
};

const prepareReply = ({ result }: PrepareResponse): PrepareReply => {
  switch (result?.$case) {
    case 'promise': {
      const { vote } = result.value;
      return {
        kind: 'promise',
        vote: vote && { ballot: ballotFromWire(vote.ballot), value: vote.value },
      };
    }
    case 'reject':
      return rejectFromWire(result.value);
    case 'decided':
      return { kind: 'decided', value: result.value.value };
    case 'behind':
      return { kind: 'behind', floor: result.value.floor };
    case undefined:
      return noResult();
  }
};

const acceptResult = (reply: AcceptReply): AcceptResponse['result'] => {
  switch (reply.kind) {
    case 'accept-ok':
      return { $case: 'acceptOk', value: {} };
    case 'reject':
      return { $case: 'reject', value: rejectToWire(reply) };
    case 'decided':
      return { $case: 'decided', value: { value: bytesToWire(reply.value) } };
    case 'behind':
      return { $case: 'behind', value: { floor: reply.floor } };
  }
};

const acceptReply = ({ result }: AcceptResponse): AcceptReply => {
  switch (result?.$case) {
    case 'acceptOk':
      return { kind: 'accept-ok' };
    case 'reject':
      return rejectFromWire(result.value);
    case 'decided':
      return { kind: 'decided', value: result.value.value };
    case 'behind':
      return { kind: 'behind', floor: result.value.floor };
    case undefined:
      return noResult();
  }
};

export const prepareReplyCodec: Codec<PrepareReply, PrepareResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), result: prepareResult(body) }),
  read: (message) => ({ header: headerFromWire(message.header), body: prepareReply(message) }),
};

export const acceptReplyCodec: Codec<AcceptReply, AcceptResponse> = {
  write: ({ header, body }) => ({ header: headerToWire(header), result: acceptResult(body) }),
  read: (message) => ({ header: headerFromWire(message.header), body: acceptReply(message) }),
};

export const decideReplyCodec: Codec<DecideReply, DecideResponse> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    result:
      body.kind === 'decide-ok'
        ? { $case: 'decideOk', value: {} }
        : { $case: 'behind', value: { floor: body.floor } },
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body:
      message.result?.$case === 'behind'
        ? { kind: 'behind', floor: message.result.value.floor }
        : { kind: 'decide-ok' },
  }),
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
