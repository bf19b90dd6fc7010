import { Command } from 'commander';
import { version } from '../server/version.js';
import { devCommand, type DevFlags } from './dev-command.js';
import type { ExitCode } from './exit-codes.js';
import {
  clusterIdOption,
  endpointsOption,
  engineOption,
  idOption,
  jsonOption,
  listenOption,
  logLevelOption,
  peersOption,
  portOption,
  rawOption,
  replicasOption,
  timeoutOption,
} from './flags.js';
import {
  getCommand,
  putHashCommand,
  writeCommand,
  type ClientFlags,
  type GetFlags,
} from './key-value-commands.js';
import { serveCommand, type ServeFlags } from './serve-command.js';
import { statusCommand } from './status-command.js';
import type { Terminal } from './terminal.js';

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
  addServers(program, terminal, ended);
  addWrites(program, terminal, ended);
  addReads(program, terminal, ended);
  return program;
}

const example = (text: string): string => `\nExample:\n  $ ${text}\n`;

function addServers(program: Command, terminal: Terminal, ended: Ended): void {
  program
    .command('dev')
    .description('run a cluster on this machine, each replica a process of its own, until Ctrl-C')
    .addOption(replicasOption())
    .addOption(engineOption())
    .addOption(portOption())
    .addOption(logLevelOption('info'))
    .addHelpText('after', example('synod dev --replicas 5'))
    .action(async (flags: DevFlags) => ended(await devCommand(flags, terminal)));
  program
    .command('serve')
    .description('run one replica, its state in memory, until Ctrl-C')
    .addOption(idOption())
    .addOption(peersOption())
    .addOption(listenOption())
    .addOption(clusterIdOption())
    .addOption(engineOption())
    .addOption(logLevelOption('info'))
    .addHelpText(
      'after',
      example('synod serve --id 1 --peers 1=127.0.0.1:7101,2=127.0.0.1:7102,3=127.0.0.1:7103'),
    )
    .action(async (flags: ServeFlags) => ended(await serveCommand(flags, terminal)));
}

/** A command that asks the store, with the flags all of them have. */
const clientCommand = (program: Command, name: string): Command =>
  program
    .command(name)
    .addOption(endpointsOption())
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
      ended(await writeCommand('put', key, value, flags, terminal)),
    );
  clientCommand(program, 'append')
    .description("add to the end of a key's value")
    .argument('<key>')
    .argument('<value>', valueHelp)
    .addHelpText('after', example("synod append greeting ', world'"))
    .action(async (key: string, value: string, flags: ClientFlags) =>
      ended(await writeCommand('append', key, value, flags, terminal)),
    );
  clientCommand(program, 'puthash')
    .description('store the 32-bit FNV-1a of the previous and the new value, and print the previous one')
    .argument('<key>')
    .argument('<value>', valueHelp)
    .addHelpText('after', example('synod puthash chain link'))
    .action(async (key: string, value: string, flags: ClientFlags) =>
      ended(await putHashCommand(key, value, flags, terminal)),
    );
}

function addReads(program: Command, terminal: Terminal, ended: Ended): void {
  clientCommand(program, 'get')
    .description('print the value of a key')
    .argument('<key>')
    .addOption(rawOption())
    .addHelpText('after', example('synod get greeting'))
    .action(async (key: string, flags: GetFlags) => ended(await getCommand(key, flags, terminal)));
  clientCommand(program, 'status')
    .description('print how every replica stands')
    .addHelpText('after', example('synod status --json'))
    .action(async (flags: ClientFlags) => ended(await statusCommand(flags, terminal)));
}
