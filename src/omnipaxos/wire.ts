import type {
  AcceptDecide as AcceptDecideMessage,
  AcceptSync as AcceptSyncMessage,
  ExchangeRequest,
  HeartbeatRequest as HeartbeatRequestMessage,
  Message as WireMessage,
  Prepare as PrepareMessage,
  Promise as PromiseMessage,
} from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import type { Ballot as BallotMessage } from '../../gen/synod/log/v1/ballot.js';
import { ballotFromWire, ballotToWire, bytesToWire } from '../log/ballot-wire.js';
import type { Ballot } from '../log/ballot.js';
import { headerFromWire, headerToWire } from '../log/header-wire.js';
import { limits } from '../log/limits.js';
import type { Codec } from '../rpc/peer-method.js';
import type { HeartbeatRequest, Message, Prepare, Promised } from './messages.js';

type WireKind = NonNullable<WireMessage['kind']>;

const anyBallotToWire = (ballot: Ballot | undefined) => ballot && ballotToWire(ballot);

const ballotsToWire = ({ ballot, accepted }: Prepare | Promised) => ({
  ballot: ballotToWire(ballot),
  accepted: anyBallotToWire(accepted),
});

const entriesToWire = ({ ballot, values }: { ballot: Ballot; values: readonly Uint8Array[] }) => ({
  ballot: ballotToWire(ballot),
  values: values.map(bytesToWire),
});

/** Fields without a form of their own on the wire go as they are. */
function kindToWire(message: Message): WireKind {
  switch (message.kind) {
    case 'heartbeat-request':
      return { $case: 'heartbeatRequest', value: { round: message.round, sent: message.sent } };
    case 'heartbeat':
      return { $case: 'heartbeat', value: { ...message, ballot: anyBallotToWire(message.ballot) } };
    case 'prepare':
      return { $case: 'prepare', value: { ...message, ...ballotsToWire(message) } };
    case 'promise':
      return {
        $case: 'promise',
        value: { ...message, ...entriesToWire(message), ...ballotsToWire(message) },
      };
    case 'accept-sync':
      return { $case: 'acceptSync', value: { ...message, ...entriesToWire(message) } };
    case 'page-received':
      return { $case: 'pageReceived', value: { ...message, ballot: ballotToWire(message.ballot) } };
    case 'accept-decide':
      return { $case: 'acceptDecide', value: { ...message, ...entriesToWire(message) } };
    case 'accepted':
      return { $case: 'accepted', value: { ...message, ballot: ballotToWire(message.ballot) } };
    case 'not-accepted':
      return { $case: 'notAccepted', value: { promised: ballotToWire(message.promised) } };
    case 'prepare-request':
      return { $case: 'prepareRequest', value: { promised: anyBallotToWire(message.promised) } };
    case 'behind':
      return { $case: 'behind', value: { ...message, ballot: ballotToWire(message.ballot) } };
    case 'confirm':
      return { $case: 'confirm', value: { ...message, ballot: ballotToWire(message.ballot) } };
    case 'confirmed':
      return { $case: 'confirmed', value: { ...message, ballot: ballotToWire(message.ballot) } };
  }
}

/** @throws Error if a slot or counter is further ahead than any sender can have come */
function plausible(name: string, value: number): number {
  if (value > limits.plausibleLead) {
    throw new Error(`${name} ${value} is implausibly far ahead; the limit is ${limits.plausibleLead}`);
  }
  return value;
}

const anyBallotFromWire = (ballot: BallotMessage | undefined) => ballot && ballotFromWire(ballot);

const heartbeatRequestFromWire = ({ round, sent }: HeartbeatRequestMessage): HeartbeatRequest => ({
  kind: 'heartbeat-request',
  round: plausible('round', round),
  sent: sent && { sync: plausible('sync', sent.sync), counter: plausible('counter', sent.counter) },
});

/** What Prepare and Promise share. */
const stateFromWire = (message: PrepareMessage | PromiseMessage) => ({
  ballot: ballotFromWire(message.ballot),
  sync: plausible('sync', message.sync),
  accepted: anyBallotFromWire(message.accepted),
  acceptedEnd: plausible('accepted end', message.acceptedEnd),
  decidedEnd: plausible('decided end', message.decidedEnd),
});

/** What AcceptSync and AcceptDecide share. */
const entriesFromWire = (message: AcceptSyncMessage | AcceptDecideMessage) => ({
  ballot: ballotFromWire(message.ballot),
  sync: plausible('sync', message.sync),
  first: plausible('first slot', message.first),
  values: message.values,
  decidedEnd: plausible('decided end', message.decidedEnd),
});

const promiseFromWire = (message: PromiseMessage): Promised => ({
  kind: 'promise',
  ...stateFromWire(message),
  floor: plausible('floor', message.floor),
  counted: message.counted,
  page: plausible('page', message.page),
  first: plausible('first slot', message.first),
  values: message.values,
  last: message.last,
});

function kindFromWire({ $case, value }: WireKind): Message {
  switch ($case) {
    case 'heartbeatRequest':
      return heartbeatRequestFromWire(value);
    case 'heartbeat': {
      const { candidate, led } = value;
      const ballot = anyBallotFromWire(value.ballot);
      return { kind: 'heartbeat', round: plausible('round', value.round), ballot, candidate, led };
    }
    case 'prepare':
      return { kind: 'prepare', ...stateFromWire(value) };
    case 'promise':
      return promiseFromWire(value);
    case 'acceptSync': {
      const page = plausible('page', value.page);
      return { kind: 'accept-sync', ...entriesFromWire(value), page, last: value.last };
    }
    case 'pageReceived': {
      const [sync, page] = [plausible('sync', value.sync), plausible('page', value.page)];
      return { kind: 'page-received', ballot: ballotFromWire(value.ballot), sync, page };
    }
    case 'acceptDecide': {
      const counter = plausible('counter', value.counter);
      return { kind: 'accept-decide', ...entriesFromWire(value), counter };
    }
    case 'accepted': {
      const acceptedEnd = plausible('accepted end', value.acceptedEnd);
      return { kind: 'accepted', ballot: ballotFromWire(value.ballot), acceptedEnd };
    }
    case 'notAccepted':
      return { kind: 'not-accepted', promised: ballotFromWire(value.promised) };
    case 'prepareRequest':
      return { kind: 'prepare-request', promised: anyBallotFromWire(value.promised) };
    case 'behind': {
      const floor = plausible('floor', value.floor);
      return { kind: 'behind', ballot: ballotFromWire(value.ballot), floor };
    }
    case 'confirm':
    case 'confirmed': {
      const number = plausible('number', value.number);
      return { kind: $case, ballot: ballotFromWire(value.ballot), number };
    }
  }
}

function messageFromWire({ kind }: WireMessage): Message {
  if (kind === undefined) throw new Error('a message is of no known kind');
  try {
    return kindFromWire(kind);
  } catch (cause) {
    throw new Error(`${kind.$case}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Both directions of Exchange. Reading throws an Error that names what is garbled; values are the bytes received. */
export const exchangeCodec: Codec<readonly Message[], ExchangeRequest> = {
  write: ({ header, body }) => ({
    header: headerToWire(header),
    messages: body.map((message) => ({ kind: kindToWire(message) })),
  }),
  read: (message) => ({
    header: headerFromWire(message.header),
    body: message.messages.map(messageFromWire),
  }),
};
