import { pino } from 'pino';
import type { Simulate } from '../sim/repeat.js';
import { answerSeed, seedRequest } from './sim-request.js';

/** What is not printable stands as its code, so that a line stays one. */
const printable = (line: string): string =>
  line.replaceAll(/[^ -~]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/**
 * What a trace is printed to is written at once: nothing of it is left to be written when the answer is sent. A reader that
 * is slow is waited for, which `process.stdout` does not do: it shares its pipe with the process that started this one,
 * whose pipe refuses what it has no room for.
 */
const output = pino.destination({ dest: 1, sync: true });
const line = (text: string): void => void output.write(`${printable(text)}\n`);

/** Answers the process that started this one, seed by seed, until that is gone. */
export function serveSeeds(simulate: Simulate): void {
  const answer = async (message: unknown): Promise<void> => {
    const reply = await answerSeed(seedRequest.parse(message), { simulate, line });
    // A promise that nobody handles is told of once nothing else is left to do: then this process ends without an answer.
    await new Promise((resolve) => setImmediate(resolve));
    process.send?.(reply);
  };
  // Whoever reads the trace may stop reading.
  output.on('error', () => undefined);
  process.on('message', (message) => void answer(message));
  process.once('disconnect', () => process.exit());
}
