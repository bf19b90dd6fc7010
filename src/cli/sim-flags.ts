import { Option } from 'commander';
import { defaultOperations, defaultReplicas } from '../sim/defaults.js';
import { parseFile } from './check-flags.js';
import { anyEngines, jsonOption, parseWholeNumber, refusing } from './flags.js';
import { noFaults } from './sim-replay.js';

/** Every engine in turn. */
export const allEngines = 'all';

const highestSeed = 2 ** 32 - 1;
const mostSeeds = 10_000_000;
const fewestReplicas = 3;
const mostReplicas = 9;
const mostOperations = 100_000;
const mostSteps = 3_000_000;
const mostJobs = 256;
/** What a schedule has at the most, and more. */
const highestFault = 999;

function parseReplicas(text: string): number {
  const count = /^\d$/.test(text) ? Number(text) : NaN;
  if (count >= fewestReplicas && count <= mostReplicas && count % 2 === 1) return count;
  throw new RangeError(`Write an odd number from ${fewestReplicas} to ${mostReplicas}`);
}

function parseFaults(text: string): number[] {
  if (text === noFaults) return [];
  const numbers = text.split(',').map((number) => {
    if (/^\d{1,3}$/.test(number) && Number(number) <= highestFault) return Number(number);
    throw new RangeError(
      `Write numbers of faults with commas between them, as --seed lists them, or "${noFaults}"`,
    );
  });
  return [...new Set(numbers)].sort((one, other) => one - other);
}

const whole = (lowest: number, highest: number) =>
  refusing((text) => parseWholeNumber(text, lowest, highest));

const simEngineOption = () =>
  new Option('--engine <engine>', 'which engine; all: each in turn')
    .default('paxos')
    .choices([...anyEngines, allEngines]);

const simSeedOption = () =>
  new Option('--seed <seed>', 'simulate this one: its schedule and what came of it')
    .conflicts(['seeds', 'from', 'jobs', 'record'])
    .argParser(whole(0, highestSeed));

const simSeedsOption = () =>
  new Option('--seeds <count>', 'how many seeds').default(100).argParser(whole(1, mostSeeds));

const simFromOption = () =>
  new Option('--from <seed>', 'the first of them').default(1).argParser(whole(0, highestSeed));

const simReplicasOption = () =>
  new Option(
    '--replicas <count>',
    'how many servers: an odd number from 3 to 9; every fifth world has two more',
  )
    .default(defaultReplicas)
    .argParser(refusing(parseReplicas));

const simOperationsOption = () =>
  new Option('--operations <count>', 'how many operations clients begin')
    .default(defaultOperations)
    .argParser(whole(1, mostOperations));

const simStepsOption = () =>
  new Option('--steps <count>', 'end each world after so many events').argParser(whole(1, mostSteps));

const simFaultsOption = () =>
  new Option(
    '--faults <numbers>',
    `of the faults of --seed only these: 3,7,9; ${noFaults} for none`,
  ).argParser(refusing(parseFaults));

const simJobsOption = () =>
  new Option('--jobs <count>', 'how many processes simulate')
    .default(undefined, 'one for each core')
    .argParser(whole(1, mostJobs));

const simTraceOption = () =>
  new Option('--trace', 'print all that happens in the world of --seed').conflicts('json');

const simPictureOption = () =>
  new Option('--picture <file>', 'where to draw a violation of --seed')
    .default(undefined, 'synod-sim-ENGINE-SEED.html')
    .argParser(refusing(parseFile));

const simRecordOption = () =>
  new Option(
    '--record <file>',
    'run in parts, and add each to this file; those it has of this commit are done',
  )
    .conflicts(['steps'])
    .argParser(refusing(parseFile));

const simTotalsOption = () =>
  new Option('--totals <file>', 'simulate nothing: print the totals of the parts in such a file')
    .conflicts([
      ...['engine', 'seed', 'seeds', 'from', 'replicas', 'operations', 'steps', 'faults'],
      ...['jobs', 'trace', 'picture', 'record'],
    ])
    .argParser(refusing(parseFile));

/** The flags of `synod sim`. */
export const simOptions = (): Option[] => [
  simEngineOption(),
  simSeedOption(),
  simSeedsOption(),
  simFromOption(),
  simReplicasOption(),
  simOperationsOption(),
  simStepsOption(),
  simFaultsOption(),
  simJobsOption(),
  simTraceOption(),
  simPictureOption(),
  simRecordOption(),
  simTotalsOption(),
  jsonOption(),
];
