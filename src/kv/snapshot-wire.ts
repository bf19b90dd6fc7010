import { BinaryReader } from '@bufbuild/protobuf/wire';
import {
  Part as PartMessage,
  type Opening as OpeningMessage,
  type Reply as ReplyMessage,
} from '../../gen/synod/snapshot/v1/snapshot.js';
import { replicaId } from '../log/ids.js';
import { clientId, type WriteResult } from './operation.js';
import {
  InvalidSnapshot,
  type Opening,
  type Part,
  type ReplyPart,
  type SessionPart,
} from './snapshot-parts.js';

const openingToWire = (opening: Opening): OpeningMessage => ({
  ...opening,
  members: opening.members.map(({ id, address }) => ({ replicaId: id, address })),
  sessionParameters: { ...opening.sessionParameters },
});

function openingFromWire(message: OpeningMessage): Opening {
  const { sessionParameters, through, members } = message;
  if (sessionParameters === undefined) throw new InvalidSnapshot('it has no session parameters');
  return {
    ...message,
    through,
    members: members.map((member) => ({ id: replicaId(member.replicaId), address: member.address })),
    sessionParameters,
  };
}

function resultToWire(result: WriteResult): ReplyMessage['result'] {
  switch (result.kind) {
    case 'put':
      return { $case: 'put', value: {} };
    case 'append':
      return { $case: 'append', value: {} };
    case 'put-hash':
      return { $case: 'putHash', value: { previousValue: result.previousValue } };
    case 'refused':
      return { $case: 'valueLimit', value: { detail: result.detail } };
  }
}

function resultFromWire(result: ReplyMessage['result']): WriteResult {
  switch (result?.$case) {
    case 'put':
      return { kind: 'put' };
    case 'append':
      return { kind: 'append' };
    case 'putHash':
      return { kind: 'put-hash', previousValue: result.value.previousValue };
    case 'valueLimit':
      return { kind: 'refused', refusal: 'value-limit', detail: result.value.detail };
    case undefined:
      throw new InvalidSnapshot('it has a reply of a kind unknown to this version');
  }
}

const replyFromWire = ({ sequence, result }: ReplyMessage): ReplyPart => ({
  sequence,
  result: resultFromWire(result),
});

const sessionToWire = ({ id, replies, ...counters }: SessionPart) => ({
  clientId: id,
  ...counters,
  replies: replies.map(({ sequence, result }) => ({ sequence, result: resultToWire(result) })),
});

function partToWire(part: Part): PartMessage['kind'] {
  switch (part.kind) {
    case 'opening':
      return { $case: 'opening', value: openingToWire(part.opening) };
    case 'sessions':
      return { $case: 'sessions', value: { sessions: part.sessions.map(sessionToWire) } };
    case 'entries':
      return { $case: 'entries', value: { entries: [...part.entries] } };
    case 'closing':
      return { $case: 'closing', value: { digest: Buffer.from(part.seal) } };
  }
}

function partFromWire(kind: PartMessage['kind']): Part {
  switch (kind?.$case) {
    case 'opening':
      return { kind: 'opening', opening: openingFromWire(kind.value) };
    case 'sessions':
      return {
        kind: 'sessions',
        sessions: kind.value.sessions.map((session) => ({
          id: clientId(session.clientId),
          acknowledgedThrough: session.acknowledgedThrough,
          usedAt: session.usedAt,
          replies: session.replies.map(replyFromWire),
        })),
      };
    case 'entries':
      return { kind: 'entries', entries: kind.value.entries };
    case 'closing':
      return { kind: 'closing', seal: kind.value.digest };
    case undefined:
      throw new InvalidSnapshot('it has a piece of a kind unknown to this version');
  }
}

/** The bytes of one piece. */
export const encodePart = (part: Part): Uint8Array => PartMessage.encode({ kind: partToWire(part) }).finish();

/** @throws Error if the bytes are no piece */
export function decodePart(bytes: Uint8Array): Part {
  const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const reader = new BinaryReader(bytes, (text) => strictUtf8.decode(text));
  const { kind } = PartMessage.decode(reader);
  if (reader.pos < reader.len) throw new InvalidSnapshot('bytes follow the end of a piece');
  return partFromWire(kind);
}
