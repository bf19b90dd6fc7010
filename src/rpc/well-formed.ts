import { CallError } from './call-error.js';

/** What `read` makes of a request's fields. @throws CallError that says what is malformed, where `read` throws */
export function wellFormed<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CallError({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST', message });
  }
}
