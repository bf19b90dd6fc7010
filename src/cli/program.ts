import { Command } from 'commander';
import { version } from '../server/version.js';
import {
  clientsOption,
  durationOption,
  historyOption,
  keysOption,
  pictureOption,
  prefixOption,
  rateOption,
  seedOption,
} from './check-flags.js';
import type { CheckFlags } from './check-plan.js';
import type { DevFlags } from './dev-command.js';
import { givenFlags } from './engine-flags.js';
import type { ExitCode } from './exit-codes.js';
import {
  addressOption,
  clusterIdOption,
  deadPingsOption,
  devDirectoryOption,
  devRebuildOption,
  endpointsOption,
  electionTimeoutOption,
  engineOption,
  forceOption,
  idOption,
  inMemoryOption,
  jsonOption,
  listenOption,
  logLevelOption,
  logLimitBytesOption,
  logLimitSlotsOption,
  peersOption,
  pingIntervalOption,
  portOption,
  rawOption,
  readsOption,
  replicasOption,
  restoreDirectoryOption,
  restoreEngineOption,
  restoreIdOption,
  restorePeersOption,
  restorePortOption,
  restoreReplicasOption,
  serveDirectoryOption,
  serveRebuildOption,
  serveViewServiceOption,
  timeoutOption,
  viewServiceListenOption,
  viewServiceOption,
} from './flags.js';
import type { ClientFlags, GetFlags } from './key-value-commands.js';
import type { ServeFlags } from './serve-command.js';
import { simOptions } from './sim-flags.js';
import type { SimFlags } from './sim-plan.js';
import type { RestoreFlags, SaveFlags } from './snapshot-commands.js';
import type { Terminal } from './terminal.js';
import type { ViewdFlags } from './viewd-command.js';

type Ended = (exitCode: ExitCode) => void;

/**
 * The whole command line.
 * @param ended told the exit code of a command that ran
 */
export function synodProgram(terminal: Terminal, ended: Ended): Command {
  const program = new Command('synod')
    .description('a replicated key/value store: run it, ask it, look at it')
    .version(version)
    // Failures are thrown, and printed in one place.
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.note(text.trimEnd()),
      outputError: () => undefined,
    });
  addDev(program, terminal, ended);
  addServe(program, terminal, ended);
  addViewd(program, terminal, ended);
  addWrites(program, terminal, ended);
  addReads(program, terminal, ended);
  addCheck(program, terminal, ended);
  addSim(program, terminal, ended);
  addSnapshots(program, terminal, ended);
  return program;
}

/** Loaded when they run: a client of the store does not wait for the code of servers and simulations. */
const commands = {
  check: () => import('./check-command.js'),
  dev: () => import('./dev-command.js'),
  keyValue: () => import('./key-value-commands.js'),
  serve: () => import('./serve-command.js'),
  sim: () => import('./sim-command.js'),
  snapshot: () => import('./snapshot-commands.js'),
  status: () => import('./status-command.js'),
  viewd: () => import('./viewd-command.js'),
} as const;

const example = (text: string): string => `\nExample:\n  $ ${text}\n`;

/** @param place what is special to the command */
const promises = (place: string): string => `
What is promised:
  A write is answered once it is on the disks of a majority. From then on it survives kill -9 and power cuts of any
  number of replicas, and the loss of the data directories of fewer than a majority. Not covered: the loss of more
  of them, and disks that say "synced" of what a power cut takes away.
  ${place}
  With --engine primary-backup a write is answered once primary and backup have it in memory. It survives the loss
  of one of them, but not of both, and not of the primary while it has no backup; and nothing goes on without the
  view service once one of them fails.`;

function addDev(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('dev')
    .description('run a cluster on this machine, each replica a process of its own, until Ctrl-C')
    .addOption(replicasOption())
    .addOption(engineOption())
    .addOption(electionTimeoutOption())
    .addOption(pingIntervalOption())
    .addOption(deadPingsOption())
    .addOption(portOption())
    .addOption(devDirectoryOption())
    .addOption(inMemoryOption())
    .addOption(devRebuildOption())
    .addOption(logLevelOption('info'))
    .addHelpText(
      'after',
      promises(
        'A replica that dies is started again. With --in-memory none is, and nothing is left after Ctrl-C.',
      ),
    )
    .addHelpText('after', example('synod dev --replicas 5 --port 7201 --data-dir data-of-five'))
    .action(async (flags: DevFlags, command: Command) =>
      ended(await (await commands.dev()).devCommand(flags, givenFlags(command), terminal)),
    );
}

function addServe(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('serve')
    .description('run one replica until Ctrl-C')
    .addOption(idOption())
    .addOption(peersOption())
    .addOption(serveViewServiceOption())
    .addOption(addressOption())
    .addOption(listenOption())
    .addOption(clusterIdOption())
    .addOption(engineOption())
    .addOption(electionTimeoutOption())
    .addOption(pingIntervalOption())
    .addOption(serveDirectoryOption())
    .addOption(inMemoryOption())
    .addOption(serveRebuildOption())
    .addOption(logLimitSlotsOption())
    .addOption(logLimitBytesOption())
    .addOption(readsOption())
    .addOption(logLevelOption('info'))
    .addHelpText(
      'after',
      promises(
        'A replica that lost its directory, or that ran with --in-memory and stopped, never returns under its id.',
      ),
    )
    .addHelpText(
      'after',
      example('synod serve --id 1 --peers 1=127.0.0.1:7101,2=127.0.0.1:7102,3=127.0.0.1:7103'),
    )
    .action(async (flags: ServeFlags, command: Command) =>
      ended(await (await commands.serve()).serveCommand(flags, givenFlags(command), terminal)),
    );
}

function addViewd(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('viewd')
    .description('run the view service of the engine primary-backup until Ctrl-C')
    .addOption(viewServiceListenOption())
    .addOption(pingIntervalOption())
    .addOption(deadPingsOption())
    .addOption(logLevelOption('info'))
    .addHelpText('after', example('synod viewd --listen 127.0.0.1:7200'))
    .action(async (flags: ViewdFlags) => ended(await (await commands.viewd()).viewdCommand(flags, terminal)));
}

/** A command that asks the store, with the flags all of them have. */
const clientCommand = (program: Command, name: string): Command =>
  program
    .command(name)
    .addOption(endpointsOption())
    .addOption(viewServiceOption())
    .addOption(timeoutOption())
    .addOption(jsonOption())
    .addOption(logLevelOption('warn'));

function addWrites(program: Command, terminal: Terminal, ended: Ended): void {
  const valueHelp = 'the value; - reads it from standard input';
  clientCommand(program, 'put')
    .description('store a value under a key')
    .argument('<key>')
    .argument('<value>', valueHelp)
    .addHelpText('after', example('synod put greeting hello'))
    .action(async (key: string, value: string, flags: ClientFlags) =>
      ended(await (await commands.keyValue()).writeCommand('put', key, value, flags, terminal)),
    );
  clientCommand(program, 'append')
    .description("add to the end of a key's value")
    .argument('<key>')
    .argument('<value>', valueHelp)
    .addHelpText('after', example("synod append greeting ', world'"))
    .action(async (key: string, value: string, flags: ClientFlags) =>
      ended(await (await commands.keyValue()).writeCommand('append', key, value, flags, terminal)),
    );
  clientCommand(program, 'puthash')
    .description('store the 32-bit FNV-1a of the previous and the new value, and print the previous one')
    .argument('<key>')
    .argument('<value>', valueHelp)
    .addHelpText('after', example('synod puthash chain link'))
    .action(async (key: string, value: string, flags: ClientFlags) =>
      ended(await (await commands.keyValue()).putHashCommand(key, value, flags, terminal)),
    );
}

function addReads(program: Command, terminal: Terminal, ended: Ended): void {
  clientCommand(program, 'get')
    .description('print the value of a key')
    .argument('<key>')
    .addOption(rawOption())
    .addHelpText('after', example('synod get greeting'))
    .action(async (key: string, flags: GetFlags) =>
      ended(await (await commands.keyValue()).getCommand(key, flags, terminal)),
    );
  clientCommand(program, 'status')
    .description('print how every replica stands')
    .addHelpText('after', example('synod status --json'))
    .action(async (flags: ClientFlags) =>
      ended(await (await commands.status()).statusCommand(flags, terminal)),
    );
}

function addCheck(program: Command, terminal: Terminal, ended: Ended): void {
  clientCommand(program, 'check')
    .description(
      'let clerks call a running cluster, and tell whether it stayed linearizable while you break it',
    )
    .addOption(clientsOption())
    .addOption(durationOption())
    .addOption(rateOption())
    .addOption(prefixOption())
    .addOption(keysOption())
    .addOption(seedOption())
    .addOption(pictureOption())
    .addOption(historyOption())
    .addHelpText('after', example('synod check --duration 1m'))
    .action(async (flags: CheckFlags) => ended(await (await commands.check()).checkCommand(flags, terminal)));
}

function addSim(program: Command, terminal: Terminal, ended: Ended): void {
  const sim = program
    .command('sim')
    .description('simulate clusters that everything goes wrong in, each from a seed, and judge them');
  for (const option of simOptions()) sim.addOption(option);
  sim
    .addHelpText('after', example('synod sim --engine omnipaxos --seeds 1000'))
    .action(async (flags: SimFlags) => ended(await (await commands.sim()).simCommand(flags, terminal)));
}

function addSnapshots(program: Command, terminal: Terminal, ended: Ended): void {
  const snapshot = program
    .command('snapshot')
    .description('save the whole state to a file, or start from one');
  snapshot
    .command('save')
    .description('save the whole state, every write answered so far included, to a file')
    .argument('<file>')
    .addOption(endpointsOption())
    .addOption(viewServiceOption())
    .addOption(timeoutOption(60_000))
    .addOption(jsonOption())
    .addOption(forceOption())
    .addHelpText('after', example('synod snapshot save backup.synod'))
    .action(async (file: string, flags: SaveFlags) =>
      ended(await (await commands.snapshot()).saveCommand(file, flags, terminal)),
    );
  snapshot
    .command('restore')
    .description(
      'make the data directory of a new cluster from a file: of one replica, or of all for synod dev',
    )
    .argument('<file>')
    .addOption(restoreDirectoryOption())
    .addOption(restoreIdOption())
    .addOption(restorePeersOption())
    .addOption(restoreReplicasOption())
    .addOption(restorePortOption())
    .addOption(restoreEngineOption())
    .addOption(jsonOption())
    .addHelpText('after', example('synod snapshot restore backup.synod --data-dir restored --replicas 3'))
    .action(async (file: string, flags: RestoreFlags) =>
      ended(await (await commands.snapshot()).restoreCommand(file, flags, terminal)),
    );
}
