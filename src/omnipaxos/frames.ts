import { compareBallots } from '../log/ballot.js';
import { limits } from '../log/limits.js';
import type { Message } from './messages.js';

const bytesOf = (message: Message): number =>
  'values' in message ? message.values.reduce((sum, value) => sum + value.length, 0) : 0;

/** An Accepted that another one follows says nothing that the other does not. */
const isSuperseded = (message: Message, next: Message | undefined): boolean =>
  message.kind === 'accepted' &&
  next?.kind === 'accepted' &&
  compareBallots(message.ballot, next.ballot) === 0;

/** Packs the messages of one turn into as few frames as the limit of a peer message allows, in order. */
export function framesOf(messages: readonly Message[]): Message[][] {
  const needed = messages.filter((message, index) => !isSuperseded(message, messages[index + 1]));
  const frames: Message[][] = [];
  let frameBytes = Infinity;
  for (const message of needed) {
    const bytes = bytesOf(message);
    if (frameBytes + bytes > limits.peerMessageBytes / 2) {
      frames.push([]);
      frameBytes = 0;
    }
    frames.at(-1)?.push(message);
    frameBytes += bytes;
  }
  return frames;
}
