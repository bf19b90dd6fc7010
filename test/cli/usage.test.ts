import { expect } from 'chai';
import { synodProgram } from '../../src/cli/program.js';
import { version } from '../../src/index.js';
import { leafCommands, pathOf } from './command-tree.js';
import { FakeTerminal, ran } from './fake-terminal.js';

const serve = ['serve', '--id', '1', '--peers'];
const restore = ['snapshot', 'restore', 'file', '--data-dir', 'nowhere'];

/** Flags that primary/backup has no use for, with values that are good. */
const notWithPrimaryBackup: readonly (readonly [readonly string[], RegExp])[] = [
  [['--peers', '1=a:1'], /view service says who takes part; .*--view-service/],
  [['--cluster-id', 'x'], /leave it out/],
  [['--data-dir', 'x'], /keeps everything in memory; leave it out/],
  [['--rebuild'], /no directory to rebuild.*leave it out/],
  [['--log-limit-slots', '5'], /keeps no log; leave it out/],
  [['--log-limit-bytes', '5'], /keeps no log; leave it out/],
  [['--reads', 'barrier'], /leave it out/],
  [['--election-timeout', '100ms'], /elects nobody; .*--ping-interval/],
];
/** Flags that only primary/backup has a use for. */
const withPrimaryBackupOnly: readonly (readonly [readonly string[], RegExp])[] = [
  [['--view-service', '127.0.0.1:7100'], /--peers, or add --engine primary-backup/],
  [['--address', '127.0.0.1:7101'], /--peers; .*or add --engine primary-backup/],
  [['--ping-interval', '100ms'], /leave it out, or add --engine primary-backup/],
];

const program = () => synodProgram(new FakeTerminal(), () => undefined);

/** A wrong command line, and what its one line must have. */
const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown command', ['pot'], /unknown command 'pot' \(Did you mean put\?\)/],
  ['an unknown option', ['get', 'key', '--jsn'], /unknown option '--jsn' \(Did you mean --json\?\)/],
  ['a missing argument', ['put', 'key'], /missing required argument 'value'/],
  ['an argument too many', ['get', 'a', 'b'], /too many arguments/],
  ['a value that looks like an option', ['put', 'key', '-v'], /unknown option '-v'/],
  ['an unknown engine', [...serve, '1=a:1', '--engine', 'raft'], /'raft' is invalid.* paxos/],
  ['an unknown engine of dev', ['dev', '--engine', 'raft'], /'raft' is invalid.* paxos/],
  [
    'an unknown engine of a restore',
    [...restore, '--engine', 'raft'],
    /'raft' is invalid.* paxos, omnipaxos/,
  ],
  [
    'a restore of what keeps nothing',
    [...restore, '--replicas', '3', '--engine', 'primary-backup'],
    /'primary-backup' is invalid. It keeps nothing on disk, .* paxos, omnipaxos/,
  ],
  [
    'a data directory for primary/backup',
    ['dev', '--engine', 'primary-backup', '--data-dir', 'x'],
    /--data-dir/,
  ],
  [
    'the data directory by its default name',
    ['dev', '--engine', 'primary-backup', '--data-dir', 'data'],
    /--data-dir/,
  ],
  ['a rebuild of what keeps nothing', ['dev', '--engine', 'primary-backup', '--rebuild', '1'], /--rebuild/],
  [
    'an election timeout where nobody is elected',
    ['dev', '--engine', 'primary-backup', '--election-timeout', '1s'],
    /--election-timeout/,
  ],
  ['pings in a cluster without a view service', ['dev', '--ping-interval', '100ms'], /--ping-interval/],
  ['dead pings in one', ['dev', '--engine', 'omnipaxos', '--dead-pings', '5'], /--dead-pings .* omnipaxos/],
  [
    'no port for the view service',
    ['dev', '--engine', 'primary-backup', '--port', '1'],
    /no port for the view service: .*--port is at least 2/,
  ],
  [
    'a server where the view service is',
    ['serve', '--engine', 'primary-backup', '--view-service', '127.0.0.1:7101'],
    /cannot both be at 127\.0\.0\.1:7101/,
  ],
  [
    'a name in views that is too long',
    ['serve', '--engine', 'primary-backup', '--address', `${'x'.repeat(512)}:7101`],
    /is not of 1 to 512 characters/,
  ],
  [
    'a malformed address of a server',
    ['serve', '--engine', 'primary-backup', '--address', 'a'],
    /"a" is not an address/,
  ],
  ['port 0 of a server', ['serve', '--engine', 'primary-backup', '--address', 'a:0'], /needs a port from 1/],
  ['no dead pings', ['viewd', '--dead-pings', '0'], /'0' is invalid.*1 to 1000/],
  ['a malformed address of the view service', ['viewd', '--listen', 'x'], /"x" is not an address/],
  ['nothing at all for serve', ['serve'], /'--id <id>' not specified/],
  ['no id', ['serve', '--peers', '1=a:1'], /'--id <id>' not specified/],
  ['an id that is no number', ['serve', '--id', 'x', '--peers', '1=a:1'], /'x' is invalid.*whole number/],
  ['no peers', ['serve', '--id', '1'], /'--peers <list>' not specified/],
  ['peers without ids', [...serve, 'a:1'], /"a:1" is not ID=ADDRESS/],
  ['an empty entry among the peers', [...serve, '1=a:1,'], /"" is not ID=ADDRESS/],
  ['peers without the own id', [...serve, '2=a:1,3=b:1'], /the peers \(2, 3\) do not include .* own id 1/],
  ['an id that is there twice', [...serve, '1=a:1,1=b:1'], /id 1 is there twice/],
  ['an address that is there twice', [...serve, '1=a:1,2=a:1'], /address a:1 is there twice/],
  ['a malformed address', [...serve, '1=a'], /"a" is not an address: write HOST:PORT/],
  ['a port past the last', [...serve, '1=a:65536'], /not an address/],
  ['port 0 of a peer', [...serve, '1=a:0'], /needs a port from 1/],
  ['a malformed listen address', [...serve, '1=a:1', '--listen', ':1'], /":1" is not an address/],
  ['an empty cluster id', [...serve, '1=a:1', '--cluster-id', ''], /1 to 64 letters/],
  ['no replicas', ['dev', '--replicas', '0'], /'0' is invalid.*1 to 15/],
  ['replicas past the last port', ['dev', '--port', '65534'], /ports up to 65536; the last is 65535/],
  [
    'a replica both on disk and in memory',
    [...serve, '1=a:1', '--data-dir', 'x', '--in-memory'],
    /'--data-dir <directory>' cannot be used with option '--in-memory'/,
  ],
  ['an empty data directory', [...serve, '1=a:1', '--data-dir', ''], /'' is invalid.*path of a directory/],
  [
    'a rebuild without a disk',
    [...serve, '1=a:1', '--in-memory', '--rebuild'],
    /'--rebuild' cannot be used with option '--in-memory'/,
  ],
  ['a log limit of no slots', [...serve, '1=a:1', '--log-limit-slots', '0'], /'0' is invalid.*whole number/],
  ['a malformed log limit', [...serve, '1=a:1', '--log-limit-bytes', '16MB'], /'16MB' is invalid.*16MiB/],
  ['an unknown way to read', [...serve, '1=a:1', '--reads', 'fast'], /'fast' is invalid.*barrier, log/],
  [
    'a cluster both on disk and in memory',
    ['dev', '--in-memory', '--data-dir', 'x'],
    /'--data-dir <directory>' cannot be used with option '--in-memory'/,
  ],
  ['an empty directory of dev', ['dev', '--data-dir', ''], /'' is invalid.*path of a directory/],
  [
    'a rebuild in a cluster in memory',
    ['dev', '--in-memory', '--rebuild', '1'],
    /'--rebuild <id>' cannot be used with option '--in-memory'/,
  ],
  ['a rebuild of nobody', ['dev', '--rebuild', '4'], /no replica 4 to rebuild; the last is 3/],
  ['a snapshot of nothing', ['snapshot', 'save'], /missing required argument 'file'/],
  ['an unknown snapshot command', ['snapshot', 'load'], /unknown command 'load'/],
  ['a restore to nowhere', ['snapshot', 'restore', 'f'], /'--data-dir <directory>' not specified/],
  ['a restore of nobody', [...restore], /--id and --peers, or .* a whole cluster with --replicas/],
  ['a restore without peers', [...restore, '--id', '1'], /--id and --peers/],
  [
    'a restore both of one and of all',
    [...restore, '--id', '1', '--peers', '1=a:1', '--replicas', '3'],
    /'--replicas <count>' cannot be used with option '--id <id>'/,
  ],
  [
    'a port for one replica',
    [...restore, '--id', '1', '--peers', '1=a:1', '--port', '7201'],
    /'--port <port>' cannot be used with option '--id <id>'/,
  ],
  [
    'a restore past the last port',
    [...restore, '--replicas', '3', '--port', '65534'],
    /ports up to 65536; the last is 65535/,
  ],
  ['a malformed endpoint', ['get', 'key', '--endpoints', 'a:1,b'], /"b" is not an address/],
  ['an endpoint that is there twice', ['status', '--endpoints', 'a:1,a:1'], /a:1 is there twice/],
  ['a malformed timeout', ['get', 'key', '--timeout', '5'], /'5' is invalid.*500ms, 5s or 1m/],
  ['an unknown log level', ['status', '--log-level', 'loud'], /'loud' is invalid.*trace, debug, info/],
];

describe('Wrong usage', () => {
  for (const [name, commandLine, pattern] of wrong) {
    it(`gets one clear line and exit code 64: ${name}`, async () => {
      const { exitCode, stdout, stderr } = await ran(commandLine);
      expect(exitCode).to.equal(64);
      expect(stdout).to.equal('');
      expect(stderr)
        .to.match(/^synod: [^\n]+\n$/)
        .and.to.match(pattern);
    });
  }

  for (const [flags, pattern] of notWithPrimaryBackup) {
    it(`names the flag that primary/backup does not take: ${flags.join(' ')}`, async () => {
      const { exitCode, stdout, stderr } = await ran(['serve', '--engine', 'primary-backup', ...flags]);
      expect([exitCode, stdout]).to.deep.equal([64, '']);
      const line = /^synod: (\S+) cannot be used with the engine primary-backup: (.*)\n$/.exec(stderr);
      expect(line?.[1], stderr).to.equal(flags[0]);
      expect(line?.[2]).to.match(pattern);
    });
  }

  for (const [flags, pattern] of withPrimaryBackupOnly) {
    it(`names the flag that only primary/backup takes: ${flags.join(' ')}`, async () => {
      for (const engine of ['paxos', 'omnipaxos']) {
        const { exitCode, stderr } = await ran([...serve, '1=a:1', '--engine', engine, ...flags]);
        expect(exitCode).to.equal(64);
        const line = /^synod: (\S+) cannot be used with the engine (\S+): (.*)\n$/.exec(stderr);
        expect(line?.slice(1, 3), stderr).to.deep.equal([flags[0], engine]);
        expect(line?.[3]).to.match(pattern);
      }
    });
  }

  it('is an object with --json', async () => {
    const { exitCode, stdout, stderr } = await ran(['get', 'key', '--json', '--timeout', 'soon']);
    expect(exitCode).to.equal(64);
    expect(stderr).to.equal('');
    expect(JSON.parse(stdout)).to.have.nested.property('error.kind', 'usage');
  });

  it('without any command shows the help on standard error', async () => {
    const { exitCode, stdout, stderr } = await ran([]);
    expect(exitCode).to.equal(64);
    expect(stdout).to.equal('');
    expect(stderr).to.contain('Usage: synod');
  });
});

describe('Help and version', () => {
  it('print the version of the package', async () => {
    expect(await ran(['--version'])).to.deep.equal({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('have an example for every command', async () => {
    const commands = leafCommands(program());
    expect(commands).not.to.have.length(0);
    for (const command of commands) {
      const { exitCode, stdout, stderr } = await ran([...pathOf(command), '--help']);
      expect([exitCode, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.match(new RegExp(`\\nExample:\\n  \\$ synod ${pathOf(command).join(' ')}\\b`));
    }
  });

  it('of the commands that run replicas say what is promised', async () => {
    for (const command of ['serve', 'dev']) {
      const { stdout } = await ran([command, '--help']);
      expect(stdout).to.match(/\nWhat is promised:\n.*on the disks of a majority/);
      expect(stdout).to.match(/\n {2}With --engine primary-backup .*in memory/);
    }
  });

  it('give examples that parse', async () => {
    for (const command of leafCommands(program())) {
      const { stdout } = await ran([...pathOf(command), '--help']);
      const words = /\$ synod (.*)$/m.exec(stdout)![1]!.split(' ');
      const parsing = program();
      for (const each of leafCommands(parsing)) each.exitOverride().action(() => undefined);
      const plain = words
        .join(' ')
        .replace(/'[^']*'/, 'quoted')
        .split(' ');
      await parsing.parseAsync(plain, { from: 'user' });
    }
  });
});
