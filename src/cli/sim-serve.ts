import type { Simulate } from '../sim/repeat.js';
import { answerSeed, seedRequest } from './sim-request.js';

/** What is not printable stands as its code, so that a line stays one. */
const printable = (line: string): string =>
  line.replaceAll(/[^ -~]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** What a trace is printed to is written at once: nothing of it is left to be written when the answer is sent. */
const line = (text: string): void => void process.stdout.write(`${printable(text)}\n`);

/** Answers the process that started this one, seed by seed, until that is gone. */
export function serveSeeds(simulate: Simulate): void {
  const answer = async (message: unknown): Promise<void> => {
    const reply = await answerSeed(seedRequest.parse(message), { simulate, line });
    // A promise that nobody handles is told of once nothing else is left to do: then this process ends without an answer.
    await new Promise((resolve) => setImmediate(resolve));
    process.send?.(reply);
  };
  process.stdout.on('error', () => undefined);
  process.on('message', (message) => void answer(message));
  process.once('disconnect', () => process.exit());
}
