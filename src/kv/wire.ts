import type {
  Operation as OperationMessage,
  OperationResult,
  PutRequest,
  Session as SessionMessage,
} from '../../gen/synod/kv/v1/kv.js';
import { clientId, type Operation, type Result, type Session, type WriteOperation } from './operation.js';

/** @throws RangeError if the client id is impossible */
export const sessionFromWire = (message: SessionMessage | undefined): Session | undefined =>
  message && { ...message, clientId: clientId(message.clientId) };

export const sessionToWire = (session: Session | undefined): SessionMessage | undefined =>
  session && { ...session };

/** PutRequest, AppendRequest and PutHashRequest have one shape. */
export const writeRequest = (operation: WriteOperation, session: Session | undefined): PutRequest => ({
  key: operation.key,
  value: operation.value,
  session: sessionToWire(session),
});

/** One operation of a Pipeline frame; undefined if it is of no known kind. */
export const operationFromWire = ({ kind }: OperationMessage): Operation | undefined => {
  switch (kind?.$case) {
    case 'get':
      return { kind: 'get', key: kind.value.key };
    case 'put':
      return { kind: 'put', ...kind.value };
    case 'append':
      return { kind: 'append', ...kind.value };
    case 'putHash':
      return { kind: 'put-hash', ...kind.value };
    case undefined:
      return undefined;
  }
};

/** The result of one operation of a Pipeline frame. @throws Error if it is not a result of an operation */
export const operationResultToWire = (result: Result): OperationResult['result'] => {
  switch (result.kind) {
    case 'get':
      return { $case: 'get', value: { value: result.value, found: result.found } };
    case 'put':
      return { $case: 'put', value: {} };
    case 'append':
      return { $case: 'append', value: {} };
    case 'put-hash':
      return { $case: 'putHash', value: { previousValue: result.previousValue } };
    default:
      throw new Error(`${result.kind} is not the result of an operation`);
  }
};
