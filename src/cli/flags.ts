import { InvalidArgumentError, Option } from 'commander';
import { formatAddress, parseAddress } from '../rpc/address.js';
import type { MemberOption } from '../server/members.js';
import { parseDuration } from './duration.js';
import { logLevels, type LogLevel } from './pino-logger.js';

/** The engines this software has. */
export const engines = ['paxos'] as const;
export type Engine = (typeof engines)[number];

/** Where `dev` puts its first replica unless told otherwise; the next ones follow. */
export const defaultPort = 7101;
export const defaultReplicaCount = 3;
/** Every replica of `dev` is a process of this machine. */
const replicaCountLimit = 15;

export const loopbackAddresses = (port: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `127.0.0.1:${port + index}`);

/** What commander gives when an argument does not parse: one line with the option, the text and the reason. */
function refusing<Value>(parse: (text: string) => Value): (text: string) => Value {
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

function parseWholeNumber(text: string, lowest: number, highest: number): number {
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

export const timeoutOption = () =>
  new Option('--timeout <duration>', 'when to give up: 500ms, 5s, 1m')
    .default(5000, '5s')
    .argParser(refusing(parseDuration));

export const jsonOption = () => new Option('--json', 'print one JSON object, failures included');

export const rawOption = () => new Option('--raw', 'print no newline after the value');

export const logLevelOption = (level: LogLevel) =>
  new Option('--log-level <level>', 'what to log, as JSON lines on standard error')
    .env('SYNOD_LOG_LEVEL')
    .default(level)
    .choices(logLevels);

export const engineOption = () =>
  new Option('--engine <engine>', 'how replicas agree').default('paxos').choices(engines);

export const replicasOption = () =>
  new Option('--replicas <count>', 'how many replicas to start')
    .default(defaultReplicaCount)
    .argParser(refusing((text) => parseWholeNumber(text, 1, replicaCountLimit)));

export const portOption = () =>
  new Option('--port <port>', 'port of the first replica; the others take the next ones')
    .default(defaultPort)
    .argParser(refusing((text) => parseWholeNumber(text, 1, 65_535)));

export const idOption = () =>
  new Option('--id <id>', "this replica's own id")
    .makeOptionMandatory()
    .argParser(refusing((text) => parseWholeNumber(text, 1, Number.MAX_SAFE_INTEGER)));

export const peersOption = () =>
  new Option('--peers <list>', 'all replicas, this one included: 1=HOST:PORT,2=HOST:PORT,…')
    .makeOptionMandatory()
    .argParser(refusing(parsePeers));

export const listenOption = () =>
  new Option('--listen <address>', "where to listen, if not at this replica's address in --peers").argParser(
    refusing(parseListen),
  );

export const clusterIdOption = () =>
  new Option(
    '--cluster-id <id>',
    'what all replicas of a cluster share; drawn from engine and peers if absent',
  ).argParser(refusing(parseClusterId));
