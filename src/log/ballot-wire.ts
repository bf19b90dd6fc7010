import type { Ballot as BallotMessage } from '../../gen/synod/log/v1/ballot.js';
import type { Ballot } from './ballot.js';
import { replicaId } from './ids.js';
import { limits } from './limits.js';

/** The same bytes, not a copy. */
export const bytesToWire = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export const ballotToWire = ({ round, replica }: Ballot): BallotMessage => ({ round, replicaId: replica });

/** @throws Error if the ballot is absent, is none, or is so high that no other could follow */
export function ballotFromWire(message: BallotMessage | undefined): Ballot {
  if (message === undefined || message.round === 0) throw new Error('the message has no ballot');
  if (message.round > limits.plausibleLead) {
    throw new Error(`round ${message.round} is implausibly far ahead`);
  }
  return { round: message.round, replica: replicaId(message.replicaId) };
}
