import { Option } from 'commander';
import { keyCountLimit, prefixLimitBytes } from '../check/workload.js';
import { formatDuration, parseDuration } from './duration.js';
import { parseWholeNumber, refusing } from './flags.js';

const clientLimit = 1000;
const rateLimit = 100_000;
const seedLimit = 2 ** 32 - 1;

/** Between the prefix and the name of a key stands the id of the run. */
const givenPrefixLimitBytes = prefixLimitBytes - '01234567/'.length;

function parsePrefix(text: string): string {
  if (!text.isWellFormed()) throw new RangeError('It is not valid UTF-8');
  const bytes = Buffer.byteLength(text, 'utf8');
  if (bytes <= givenPrefixLimitBytes) return text;
  throw new RangeError(
    `It has ${bytes} bytes; write at most ${givenPrefixLimitBytes}, so that keys are not too long`,
  );
}

/** @throws RangeError */
export function parseFile(text: string): string {
  if (text !== '') return text;
  throw new RangeError('Write the path of a file');
}

export const clientsOption = () =>
  new Option('--clients <count>', 'how many clerks call')
    .default(16)
    .argParser(refusing((text) => parseWholeNumber(text, 1, clientLimit)));

export const durationOption = () =>
  new Option('--duration <duration>', 'how long they call')
    .default(30_000, formatDuration(30_000))
    .argParser(refusing(parseDuration));

export const rateOption = () =>
  new Option('--rate <count>', 'how many calls a second, of all clients together')
    .default(500)
    .argParser(refusing((text) => parseWholeNumber(text, 1, rateLimit)));

export const prefixOption = () =>
  new Option('--prefix <text>', 'what keys begin with; an id of the run follows')
    .default('check-')
    .argParser(refusing(parsePrefix));

export const keysOption = () =>
  new Option('--keys <count>', 'how many keys to use; one for 1000 calls if absent, but at least 64')
    .default(undefined, 'one for 1000 calls')
    .argParser(refusing((text) => parseWholeNumber(text, 1, keyCountLimit)));

export const seedOption = () =>
  new Option('--seed <seed>', 'what the calls are drawn from; itself drawn if absent').argParser(
    refusing((text) => parseWholeNumber(text, 0, seedLimit)),
  );

export const pictureOption = () =>
  new Option('--picture <file>', 'where to draw a violation; synod-check-RUN.html if absent')
    .default(undefined, 'synod-check-RUN.html')
    .argParser(refusing(parseFile));

export const historyOption = () =>
  new Option('--history <file>', 'where to write all calls, whatever the verdict').argParser(
    refusing(parseFile),
  );
