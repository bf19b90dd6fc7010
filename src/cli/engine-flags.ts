import type { Command } from 'commander';
import { CommandFailure } from './command-failure.js';
import type { AnyEngine } from './flags.js';

/** The flags that were on the command line, as their attributes are called: `dataDir`. */
export type GivenFlags = ReadonlySet<string>;

export const givenFlags = (command: Command): GivenFlags =>
  new Set(
    command.options
      .map((option) => option.attributeName())
      .filter((name) => command.getOptionValueSource(name) === 'cli'),
  );

/** A flag that an engine has no use for, why, and what to do. */
interface Misfit {
  readonly flag: string;
  readonly remedy: string;
}

const notWithPrimaryBackup = new Map<string, Misfit>([
  [
    'peers',
    {
      flag: '--peers',
      remedy: 'its view service says who takes part; leave it out, and name that with --view-service',
    },
  ],
  ['clusterId', { flag: '--cluster-id', remedy: 'its view service tells clusters apart; leave it out' }],
  ['dataDir', { flag: '--data-dir', remedy: 'it keeps everything in memory; leave it out' }],
  [
    'rebuild',
    {
      flag: '--rebuild',
      remedy: 'it has no directory to rebuild, and a new backup always gets the whole state; leave it out',
    },
  ],
  ['logLimitSlots', { flag: '--log-limit-slots', remedy: 'it keeps no log; leave it out' }],
  ['logLimitBytes', { flag: '--log-limit-bytes', remedy: 'it keeps no log; leave it out' }],
  ['reads', { flag: '--reads', remedy: 'it has only one way to read, by the backup; leave it out' }],
  [
    'electionTimeout',
    {
      flag: '--election-timeout',
      remedy: 'it elects nobody; say how often servers ping the view service with --ping-interval',
    },
  ],
]);

const withPrimaryBackupOnly = new Map<string, Misfit>([
  [
    'viewService',
    {
      flag: '--view-service',
      remedy: 'it has no view service; name the replicas with --peers, or add --engine primary-backup',
    },
  ],
  [
    'address',
    {
      flag: '--address',
      remedy: "a replica's address stands in --peers; say it there, or add --engine primary-backup",
    },
  ],
  [
    'pingInterval',
    {
      flag: '--ping-interval',
      remedy: 'it has no view service to ping; leave it out, or add --engine primary-backup',
    },
  ],
  [
    'deadPings',
    {
      flag: '--dead-pings',
      remedy: 'it has no view service to ping; leave it out, or add --engine primary-backup',
    },
  ],
]);

/** @throws CommandFailure if a flag was given that the engine has no use for */
export function checkEngineFlags(engine: AnyEngine, given: GivenFlags): void {
  const misfits = engine === 'primary-backup' ? notWithPrimaryBackup : withPrimaryBackupOnly;
  for (const name of given) {
    const misfit = misfits.get(name);
    if (misfit === undefined) continue;
    throw new CommandFailure({
      kind: 'usage',
      message: `${misfit.flag} cannot be used with the engine ${engine}: ${misfit.remedy}`,
    });
  }
}

/** What an option must have for an engine that needs it. @throws CommandFailure as for an option that is mandatory */
export function required<Value>(value: Value | undefined, flags: string): Value {
  if (value !== undefined) return value;
  throw new CommandFailure({ kind: 'usage', message: `required option '${flags}' not specified` });
}
