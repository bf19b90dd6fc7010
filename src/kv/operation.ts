declare const brand: unique symbol;

/** Names a session. Issued by the log, from 1, and never twice. */
export type ClientId = number & { readonly [brand]: 'ClientId' };

const isClientId = (value: number): value is ClientId => Number.isSafeInteger(value) && value > 0;

/** @throws RangeError if `value` is not a whole number from 1 */
export function clientId(value: number): ClientId {
  if (!isClientId(value)) throw new RangeError(`client_id ${value} is not a whole number from 1`);
  return value;
}

/** What makes a write safe to retry: the store runs each (client, sequence) once. */
export interface Session {
  readonly clientId: ClientId;
  readonly sequence: number;
  /** Every sequence up to this one is settled for the client. */
  readonly acknowledgedThrough: number;
}

export interface GetOperation {
  readonly kind: 'get';
  readonly key: string;
}

export interface WriteOperation {
  readonly kind: 'put' | 'append' | 'put-hash';
  readonly key: string;
  readonly value: string;
}

export type Operation = GetOperation | WriteOperation;

/** One entry of the log: an operation's arguments, never its result (seed 004). */
export type Command =
  | GetOperation
  | { readonly kind: 'write'; readonly session: Session; readonly operation: WriteOperation }
  | { readonly kind: 'open-session' }
  | { readonly kind: 'close-session'; readonly clientId: ClientId }
  | { readonly kind: 'raise-version'; readonly stateVersion: number };

/** What a write answers; recorded with its session. */
export type WriteResult =
  | { readonly kind: 'put' }
  | { readonly kind: 'append' }
  | { readonly kind: 'put-hash'; readonly previousValue: string }
  /** An Append that would have grown the value past its limit. */
  | { readonly kind: 'refused'; readonly refusal: 'value-limit'; readonly detail: string };

/** Why a write's session did not let it run. Nothing is recorded for these. */
export type SessionRefusal = 'never-issued' | 'expired' | 'already-acknowledged' | 'replies-full';

export type Result =
  | WriteResult
  | { readonly kind: 'get'; readonly value: string; readonly found: boolean }
  | { readonly kind: 'session-opened'; readonly clientId: ClientId }
  | { readonly kind: 'session-closed' }
  | { readonly kind: 'version-raised'; readonly stateVersion: number }
  | { readonly kind: 'refused'; readonly refusal: SessionRefusal; readonly detail: string };

/** What a client asks of a replica. */
export type Request =
  /** A write without a session runs at most once per attempt; with one, at most once however often it is sent. */
  | { readonly kind: 'operation'; readonly operation: Operation; readonly session: Session | undefined }
  | { readonly kind: 'open-session' }
  | { readonly kind: 'close-session'; readonly clientId: ClientId };
