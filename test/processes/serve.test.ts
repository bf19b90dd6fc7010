import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { encodeBatch } from '../../src/log/wire.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { Roster, type Member } from '../../src/log/roster.js';
import { paxosLink } from '../../src/paxos/service.js';
import { openChannel } from '../../src/rpc/channel.js';
import { parseAddress } from '../../src/rpc/address.js';
import { realClock } from '../../src/runtime/real-clock.js';
import { defaultSessionParameters, stateVersions } from '../../src/kv/limits.js';
import { peerServiceLink } from '../../src/server/peer-service.js';
import { SuspectMark } from '../../src/server/suspect-mark.js';
import { nodeDisk } from '../../src/storage/node-disk.js';
import { freePorts } from '../support/free-ports.js';
import { endCommands, runCommand, RunningCommand } from './command.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.js';

describe('synod serve', () => {
  afterEach(endCommands);

  const single = async () => {
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    return { address, flags: ['serve', '--id', '1', '--peers', `1=${address}`, '--in-memory'] };
  };

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`prints its line, says that it keeps its state in memory, and ends with 0 at ${signal}`, async () => {
      const { address, flags } = await single();
      const serve = new RunningCommand(flags);
      await serve.printed('stdout', /\n/);
      expect(serve.stdout).to.equal(`replica 1 pid ${serve.pid} ${address}\n`);
      expect(serve.stderr).to.match(/^replica 1 keeps its state in memory/m);
      expect(serve.stderr).not.to.contain('encrypted');
      const put = await runCommand(['put', 'key', 'value', '--endpoints', address]);
      expect(put.how).to.equal(0);
      const stoppedAtMs = performance.now();
      serve.kill(signal);
      expect((await serve.ended).how).to.equal(0);
      expect(performance.now() - stoppedAtMs).to.be.below(2000);
    });
  }

  describe('on disk', () => {
    let directory: TemporaryDirectory;
    beforeEach(async () => {
      directory = await temporaryDirectory();
    });
    afterEach(async () => {
      await endCommands();
      await directory.remove();
    });
    const listening = async (serve: RunningCommand): Promise<RunningCommand> => {
      await serve.printed('stdout', /\n/);
      return serve;
    };
    const onDisk = async () => {
      const { address, flags } = await single();
      const data = join(directory.path, 'data');
      return {
        address,
        data,
        flags: [...flags.filter((flag) => flag !== '--in-memory'), '--data-dir', data],
      };
    };

    it('keeps its state in ./data-ID, says so, and returns with it after kill -9', async () => {
      const { address, flags } = await single();
      const commandLine = flags.filter((flag) => flag !== '--in-memory');
      const first = await listening(new RunningCommand(commandLine, {}, directory.path));
      expect(first.stderr).to.match(/^replica 1 keeps its state in data-1: /m);
      expect(await readdir(directory.path)).to.deep.equal(['data-1']);
      expect((await runCommand(['put', 'key', 'value', '--endpoints', address])).how).to.equal(0);
      first.kill('SIGKILL');
      await first.ended;
      await listening(new RunningCommand(commandLine, {}, directory.path));
      expect((await runCommand(['get', 'key', '--endpoints', address])).stdout).to.equal('value\n');
    });

    it('ends with 78 and one line where its directory is in use, or of another replica', async () => {
      const { address, data, flags } = await onDisk();
      const first = await listening(new RunningCommand(flags));
      const refused = async (commandLine: readonly string[], pattern: RegExp): Promise<void> => {
        const { how, stdout, stderr } = await runCommand([...commandLine, '--log-level', 'silent']);
        expect([how, stdout]).to.deep.equal([78, '']);
        expect(stderr)
          .to.match(/^synod: [^\n]+\n$/)
          .and.to.match(pattern);
      };
      await refused(flags, /is in use by/);
      first.kill('SIGTERM');
      await first.ended;
      await refused(
        ['serve', '--id', '2', '--peers', `2=${address}`, '--data-dir', data],
        /is of replica 1; this is replica 2/,
      );
      await refused(
        [...flags, '--cluster-id', 'other'],
        /is of cluster [0-9a-f]+; this replica is of cluster other/,
      );
    });

    it('ends with 74 and one line where its directory is suspect', async () => {
      const { data, flags } = await onDisk();
      const first = await listening(new RunningCommand(flags));
      first.kill('SIGTERM');
      await first.ended;
      await (await SuspectMark.read(nodeDisk(data))).set(1024);
      const { how, stderr } = await runCommand([...flags, '--log-level', 'silent']);
      expect(how).to.equal(74);
      expect(stderr).to.match(/^synod: .* at slot 1024 .* --rebuild.*\n$/);
    });
  });

  it('warns that nothing is encrypted where it listens beyond loopback', async () => {
    const [port] = await freePorts(1);
    // Still this machine's loopback, in a spelling that is not known as such.
    const listen = `[::ffff:127.0.0.1]:${port}`;
    const serve = new RunningCommand(['serve', '--id', '1', '--peers', `1=${listen}`, '--in-memory']);
    await serve.printed('stdout', /\n/);
    expect(serve.stderr).to.match(/^warning: .* nothing is encrypted or authenticated yet$/m);
  });

  it('listens on a Unix socket', async () => {
    const directory = await temporaryDirectory();
    try {
      const address = `unix:${join(directory.path, 'replica.sock')}`;
      const serve = new RunningCommand(['serve', '--id', '1', '--peers', `1=${address}`, '--in-memory']);
      await serve.printed('stdout', /\n/);
      expect(serve.stdout).to.equal(`replica 1 pid ${serve.pid} ${address}\n`);
      expect((await runCommand(['put', 'key', 'value', '--endpoints', address])).how).to.equal(0);
    } finally {
      await endCommands();
      await directory.remove();
    }
  });

  it('ends with 69 and one clear line where its address is in use', async () => {
    const { address, flags } = await single();
    const serve = new RunningCommand(flags);
    await serve.printed('stdout', /\n/);
    const second = await runCommand([...flags, '--log-level', 'silent']);
    expect(second).to.deep.equal({
      how: 69,
      stdout: '',
      stderr: `synod: cannot listen on ${address}: the address is in use\n`,
    });
  });

  it('ends with 69 where the address is not of this machine', async () => {
    const { flags } = await single();
    const { how, stderr } = await runCommand([
      ...flags,
      '--listen',
      '192.0.2.1:7101',
      '--log-level',
      'silent',
    ]);
    expect(how).to.equal(69);
    expect(stderr).to.match(/^synod: cannot listen on 192\.0\.2\.1:7101: it is not of this machine$/m);
  });

  it('logs JSON lines from the level asked for, and no keys or values', async () => {
    const { address, flags } = await single();
    const serve = new RunningCommand(flags, { SYNOD_LOG_LEVEL: 'debug' });
    await serve.printed('stdout', /\n/);
    await runCommand(['put', 'some-key', 'some-value', '--endpoints', address]);
    serve.kill('SIGTERM');
    const { stderr } = await serve.ended;
    const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
    const logs = lines.map((line) => JSON.parse(line) as { level: string; msg: string; replica: number });
    expect(logs.find(({ msg }) => msg === 'listening')).to.include({ level: 'info', replica: 1 });
    expect(logs.some(({ level }) => level === 'debug')).to.equal(true);
    expect(stderr).not.to.match(/some-key|some-value/);
  });

  it('ends with 70 and one line where an error is caught by nobody', async () => {
    const { flags } = await single();
    const crash =
      "setInterval(() => { if (process.listenerCount('uncaughtException') > 0) throw new Error('out of the blue'); }, 50)";
    const serve = new RunningCommand([...flags, '--log-level', 'silent'], {
      NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(crash)}"`,
    });
    const { how, stderr } = await serve.ended;
    expect(how).to.equal(70);
    expect(stderr).to.match(/^synod: internal error: out of the blue .*\n$/m);
    expect(stderr).not.to.match(/^\s+at /m);
  });

  it('ends with 70 when its replica has to stop', async () => {
    const ports = await freePorts(2);
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const serve = new RunningCommand([
      ...['serve', '--id', '1', '--peers', `1=${addresses[0]},2=${addresses[1]}`],
      ...['--cluster-id', 'test', '--in-memory', '--log-level', 'silent'],
    ]);
    await serve.printed('stdout', /\n/);
    await decideUnknownCommand(addresses.map((address, index) => ({ id: replicaId(index + 1), address })));
    const { how, stderr } = await serve.ended;
    expect(how).to.equal(70);
    expect(stderr.match(/^synod: .*$/gm)).to.have.length(1);
    expect(stderr).to.match(/^synod: replica 1 stopped, because going on could do harm: .+$/m);
  });
});

/** Tells replica 1, as its peer 2, that slot 0 is decided with a command of a kind there is not. */
async function decideUnknownCommand(members: readonly Member[]): Promise<void> {
  const [one, two] = [replicaId(1), replicaId(2)];
  const process = incarnation('impostor');
  const roster = new Roster({
    members,
    me: two,
    clusterId: 'test',
    incarnation: process,
    clock: realClock,
    introductions: 'none',
  });
  const channel = openChannel(parseAddress(roster.addressOf(one)), { between: 'replicas' });
  const hello = {
    engine: 'paxos',
    members,
    sessionParameters: defaultSessionParameters,
    reach: undefined,
    applied: undefined,
    minimumStateVersion: stateVersions.minimum,
    maximumStateVersion: stateVersions.maximum,
    stateVersion: stateVersions.initial,
    checkpoint: undefined,
    pins: [],
  };
  const unknown = Buffer.from([0xfa, 0x7f, 0x00]);
  const value = encodeBatch({ origin: two, incarnation: process, number: 1, commands: [unknown] });
  try {
    await peerServiceLink(roster, one, channel).hello(roster.envelope(one, hello), { timeoutMs: 2000 });
    const { decide } = paxosLink(roster, one, channel);
    await decide(roster.envelope(one, { slot: 0, value }), { timeoutMs: 2000 }).catch(() => undefined);
  } finally {
    channel.close();
  }
}
