import { keyLimitBytes, valueLimitBytes } from './limits.js';
import type { Operation, Session } from './operation.js';

const checkText = (name: string, text: string, limitBytes: number): string | undefined => {
  if (!text.isWellFormed()) return `the ${name} is not valid UTF-8`;
  const bytes = Buffer.byteLength(text, 'utf8');
  return bytes > limitBytes ? `the ${name} has ${bytes} bytes; the limit is ${limitBytes}` : undefined;
};

/** What is wrong with an operation's key or value, or undefined. The same on both sides of the wire. */
export function operationProblem(operation: Operation): string | undefined {
  if (operation.key === '') return 'the key is empty; a key has at least 1 byte';
  const keyProblem = checkText('key', operation.key, keyLimitBytes);
  if (keyProblem !== undefined || operation.kind === 'get') return keyProblem;
  return checkText('value', operation.value, valueLimitBytes);
}

/** What is wrong with a session as seen from the request alone (rule R8), or undefined. */
export function sessionProblem(
  session: Omit<Session, 'clientId'>,
  sequenceWindow: number,
): string | undefined {
  const { sequence, acknowledgedThrough } = session;
  const highest = acknowledgedThrough + sequenceWindow;
  return sequence > acknowledgedThrough && sequence <= highest
    ? undefined
    : `sequence ${sequence} is outside ${acknowledgedThrough + 1} to ${highest}, the ${sequenceWindow} above acknowledged_through`;
}
