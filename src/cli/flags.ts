import { InvalidArgumentError, Option } from 'commander';
import { formatAddress, parseAddress } from '../rpc/address.js';
import type { MemberOption } from '../server/members.js';
import {
  defaultDeadPings,
  defaultElectionTimeoutMs,
  defaultPingIntervalMs,
} from '../server/timing-defaults.js';
import { formatDuration, parseDuration } from './duration.js';
import { logLevels, type LogLevel } from './log-level.js';
import { formatSize, parseSize } from './size.js';

/** The engines whose replicas vote, and keep what they voted. */
export const engines = ['paxos', 'omnipaxos'] as const;
export type Engine = (typeof engines)[number];

/** Everything a cluster can run on. */
export const anyEngines = [...engines, 'primary-backup'] as const;
export type AnyEngine = (typeof anyEngines)[number];

/** How a read finds out what was written before it. */
export const readPaths = ['barrier', 'log'] as const;
export type ReadPath = (typeof readPaths)[number];

/** Where `dev` keeps a cluster unless told otherwise. */
export const defaultDevDirectory = 'data';
const logLimitSlots = 16_384;
const logLimitBytes = 16 * 2 ** 20;

/** Where `dev` puts its first replica unless told otherwise; the next ones follow. */
export const defaultPort = 7101;
export const defaultReplicaCount = 3;
/** Every replica of `dev` is a process of this machine. */
const replicaCountLimit = 15;
const deadPingsLimit = 1000;

export const loopbackAddresses = (port: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `127.0.0.1:${port + index}`);

/** Where the view service of a cluster on this machine is: one port below the first replica. */
export const viewServiceAddress = (port: number): string => `127.0.0.1:${port - 1}`;

/** What commander gives when an argument does not parse: one line with the option, the text and the reason. */
export function refusing<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
    }
  };
}

/** An address that can be dialled, in its one spelling. @throws RangeError */
function parseEndpoint(text: string): string {
  const address = parseAddress(text.trim());
  if (address.kind === 'tcp' && address.port === 0) throw new RangeError(`"${text}" needs a port from 1`);
  return formatAddress(address);
}

/** @throws RangeError */
export function parseWholeNumber(text: string, lowest: number, highest: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= lowest && value <= highest) return value;
  throw new RangeError(`Write a whole number from ${lowest} to ${highest}`);
}

/** @throws RangeError unless every address is one and none is there twice */
export function parseEndpoints(text: string): string[] {
  const endpoints = text.split(',').map(parseEndpoint);
  const duplicate = endpoints.find((endpoint, index) => endpoints.indexOf(endpoint) !== index);
  if (duplicate !== undefined) throw new RangeError(`${duplicate} is there twice`);
  return endpoints;
}

/** Reads `1=HOST:PORT,2=…`. @throws RangeError */
export function parsePeers(text: string): MemberOption[] {
  return text.split(',').map((entry) => {
    const [, id, address] = /^\s*(\d{1,15})=(.+)$/.exec(entry) ?? [];
    if (id === undefined || address === undefined) {
      throw new RangeError(`"${entry}" is not ID=ADDRESS; write 1=HOST:PORT,2=HOST:PORT,…`);
    }
    return { id: parseWholeNumber(id, 1, Number.MAX_SAFE_INTEGER), address: parseEndpoint(address) };
  });
}

function parseDirectory(text: string): string {
  if (text !== '') return text;
  throw new RangeError('Write the path of a directory');
}

const parseReplicaCount = (text: string): number => parseWholeNumber(text, 1, replicaCountLimit);
const parsePort = (text: string): number => parseWholeNumber(text, 1, 65_535);
const parseId = (text: string): number => parseWholeNumber(text, 1, Number.MAX_SAFE_INTEGER);

const parseListen = (text: string): string => formatAddress(parseAddress(text));

function parseClusterId(text: string): string {
  if (/^[\w.-]{1,64}$/.test(text)) return text;
  throw new RangeError('Write 1 to 64 letters, digits, dots, dashes or underscores');
}

export const endpointsOption = () => {
  const addresses = loopbackAddresses(defaultPort, defaultReplicaCount);
  return new Option('--endpoints <addresses>', 'replicas to ask, with commas between them')
    .env('SYNOD_ENDPOINTS')
    .default(addresses, addresses.join(','))
    .argParser(refusing(parseEndpoints));
};

export const viewServiceOption = () =>
  new Option('--view-service <address>', 'the view service to ask for the primary, in place of --endpoints')
    .conflicts('endpoints')
    .argParser(refusing(parseEndpoint));

export const timeoutOption = (timeoutMs = 5000) =>
  new Option('--timeout <duration>', 'when to give up: 500ms, 5s, 1m')
    .default(timeoutMs, formatDuration(timeoutMs))
    .argParser(refusing(parseDuration));

export const jsonOption = () => new Option('--json', 'print one JSON object, failures included');

export const rawOption = () => new Option('--raw', 'print no newline after the value');

export const logLevelOption = (level: LogLevel) =>
  new Option('--log-level <level>', 'what to log, as JSON lines on standard error')
    .env('SYNOD_LOG_LEVEL')
    .default(level)
    .choices(logLevels);

export const engineOption = () =>
  new Option('--engine <engine>', 'how replicas agree').default('paxos').choices(anyEngines);

/** Only what has directories can be restored. */
export const restoreEngineOption = () =>
  new Option('--engine <engine>', 'how replicas agree')
    .default('paxos')
    .choices(engines)
    .argParser(refusing(parseVotingEngine));

function parseVotingEngine(text: string): Engine {
  const engine = engines.find((name) => name === text);
  if (engine !== undefined) return engine;
  const choices = `Allowed choices are ${engines.join(', ')}.`;
  throw new RangeError(
    text === 'primary-backup'
      ? `It keeps nothing on disk, so there is no directory to make for it. ${choices}`
      : choices,
  );
}

export const electionTimeoutOption = () =>
  new Option(
    '--election-timeout <duration>',
    'how long the omnipaxos engine waits before it misses its leader',
  )
    .default(defaultElectionTimeoutMs, formatDuration(defaultElectionTimeoutMs))
    .argParser(refusing(parseDuration));

export const replicasOption = () =>
  new Option('--replicas <count>', 'how many replicas to start')
    .default(defaultReplicaCount)
    .argParser(refusing(parseReplicaCount));

export const portOption = () =>
  new Option('--port <port>', 'port of the first replica; the others take the next ones')
    .default(defaultPort)
    .argParser(refusing(parsePort));

export const idOption = () =>
  new Option('--id <id>', "this replica's own id; primary-backup needs none").argParser(refusing(parseId));

export const peersOption = () =>
  new Option(
    '--peers <list>',
    'all replicas, this one included: 1=HOST:PORT,2=HOST:PORT,…; not with primary-backup',
  ).argParser(refusing(parsePeers));

export const listenOption = () =>
  new Option(
    '--listen <address>',
    "where to listen, if not at this replica's address in --peers or --address",
  ).argParser(refusing(parseListen));

export const serveViewServiceOption = () =>
  new Option('--view-service <address>', 'primary-backup: where its view service is')
    .default(viewServiceAddress(defaultPort))
    .argParser(refusing(parseEndpoint));

export const addressOption = () =>
  new Option('--address <address>', 'primary-backup: how servers and clients know this one')
    .default(`127.0.0.1:${defaultPort}`)
    .argParser(refusing(parseEndpoint));

export const viewServiceListenOption = () =>
  new Option('--listen <address>', 'where to listen')
    .default(viewServiceAddress(defaultPort))
    .argParser(refusing(parseListen));

export const pingIntervalOption = () =>
  new Option(
    '--ping-interval <duration>',
    'primary-backup: how often servers tell the view service they live',
  )
    .default(defaultPingIntervalMs, formatDuration(defaultPingIntervalMs))
    .argParser(refusing(parseDuration));

export const deadPingsOption = () =>
  new Option(
    '--dead-pings <count>',
    'primary-backup: after so many intervals without a ping a server is dead',
  )
    .default(defaultDeadPings)
    .argParser(refusing((text) => parseWholeNumber(text, 1, deadPingsLimit)));

export const clusterIdOption = () =>
  new Option(
    '--cluster-id <id>',
    'what all replicas of a cluster share; drawn from engine and peers if absent',
  ).argParser(refusing(parseClusterId));

export const inMemoryOption = () =>
  new Option('--in-memory', 'keep nothing on disk; a replica that stops can then never return');

export const devDirectoryOption = () =>
  new Option('--data-dir <directory>', 'where the cluster is kept between runs')
    .default(defaultDevDirectory)
    .conflicts('inMemory')
    .argParser(refusing(parseDirectory));

export const serveDirectoryOption = () =>
  new Option('--data-dir <directory>', 'where the replica keeps its state; data-ID if absent')
    .default(undefined, 'data-ID')
    .conflicts('inMemory')
    .argParser(refusing(parseDirectory));

export const devRebuildOption = () =>
  new Option(
    '--rebuild <id>',
    'a replica to start although its directory is suspect: it keeps its votes only',
  )
    .conflicts('inMemory')
    .argParser(refusing(parseId));

export const serveRebuildOption = () =>
  new Option(
    '--rebuild',
    'start although the directory is suspect: its votes are kept, its state is pulled from the others',
  ).conflicts('inMemory');

export const logLimitSlotsOption = () =>
  new Option('--log-limit-slots <count>', 'how many slots of log are kept for a replica that stays away')
    .default(logLimitSlots)
    .argParser(refusing((text) => parseWholeNumber(text, 1, 1_000_000_000)));

export const logLimitBytesOption = () =>
  new Option('--log-limit-bytes <size>', 'the same in bytes: 1048576, 16MiB')
    .default(logLimitBytes, formatSize(logLimitBytes))
    .argParser(refusing(parseSize));

export const readsOption = () =>
  new Option(
    '--reads <path>',
    'how reads find what was written before: by asking a majority, or as log entries',
  )
    .default('barrier')
    .choices(readPaths);

export const forceOption = () => new Option('--force', 'replace a file that is there');

/** A replica of its own, or a whole cluster for `dev`: the two forms of a restore. */
const oneReplica = ['id', 'peers'];

export const restoreDirectoryOption = () =>
  new Option('--data-dir <directory>', 'where to put the state; made if absent, refused unless empty')
    .makeOptionMandatory()
    .argParser(refusing(parseDirectory));

export const restoreIdOption = () =>
  new Option('--id <id>', 'one replica: its id').argParser(refusing(parseId));

export const restorePeersOption = () =>
  new Option('--peers <list>', 'one replica: all of its cluster, 1=HOST:PORT,2=HOST:PORT,…').argParser(
    refusing(parsePeers),
  );

export const restoreReplicasOption = () =>
  new Option('--replicas <count>', 'a whole cluster for synod dev: how many replicas')
    .conflicts(oneReplica)
    .argParser(refusing(parseReplicaCount));

export const restorePortOption = () =>
  new Option('--port <port>', 'a whole cluster for synod dev: port of the first replica')
    .default(defaultPort)
    .conflicts(oneReplica)
    .argParser(refusing(parsePort));
