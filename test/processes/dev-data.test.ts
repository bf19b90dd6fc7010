import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.js';
import { endCommands, runCommand, RunningCommand } from './command.js';
import { devCluster, devFlags, isAlive, replicasIn } from './dev-cluster.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.js';
import { until } from '../support/until.js';

/** As the system shows it to everybody. */
async function commandLineOf(pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'args=', '-p', String(pid)]);
  return stdout.trimEnd();
}

describe('synod dev on disk', () => {
  let directory: TemporaryDirectory;
  let data: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    data = join(directory.path, 'data');
  });
  afterEach(async () => {
    await endCommands();
    await directory.remove();
  });

  const put = async (endpoints: readonly string[], key: string, value: string): Promise<void> => {
    const { how, stderr } = await runCommand(['put', key, value, '--endpoints', endpoints.join()]);
    expect(how, stderr).to.equal(0);
  };
  const got = async (endpoints: readonly string[], key: string): Promise<string> =>
    (await runCommand(['get', key, '--raw', '--endpoints', endpoints.join()])).stdout;

  it('keeps everything in ./data between runs, and says so', async () => {
    const ports = await freePorts(3);
    const flags = ['dev', '--port', String(ports[0])];
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const first = new RunningCommand(flags, {}, directory.path);
    await first.printed('stdout', /^ready: /m);
    expect(first.stderr).to.match(/^3 replicas: .*; data is kept in data$/m);
    await put(addresses, 'greeting', 'hello');
    first.pressCtrlC();
    expect((await first.ended).how).to.equal(0);
    expect(await readdir(data)).to.deep.equal(['dev.json', 'replica-1', 'replica-2', 'replica-3']);

    const second = new RunningCommand(flags, {}, directory.path);
    await second.printed('stdout', /^ready: /m);
    expect(await got(addresses, 'greeting')).to.equal('hello');
    second.pressCtrlC();
    expect((await second.ended).how).to.equal(0);
  });

  it('starts a killed replica again under a new pid, and it catches up', async () => {
    const { dev, addresses, replicas } = await devCluster(await freePorts(3), data, ['--rebuild', '2']);
    const victim = replicas[1]!;
    expect(await commandLineOf(victim.pid)).to.match(/ --data-dir \S+\/data\/replica-2 --rebuild$/);
    process.kill(victim.pid, 'SIGKILL');
    await put(addresses, 'key', 'while it was away');
    const line = new RegExp(
      `^replica 2 \\(pid ${victim.pid}\\) killed by SIGKILL; 2 of 3 remain; it is started again in 500ms$`,
      'm',
    );
    await dev.printed('stderr', line);
    await dev.printed('stderr', /^replica 2 \(pid \d+\) runs again$/m);
    await dev.printed('stdout', new RegExp(`^ready: [^]*^replica 2 pid (?!${victim.pid} )\\d+ `, 'm'));
    const back = replicasIn(dev.stdout).at(-1)!;
    expect(back).to.deep.equal({ ...victim, pid: back.pid });
    expect(await commandLineOf(back.pid)).to.match(/ --data-dir \S+\/data\/replica-2$/);
    await until('replica 2 catches up', 5000, async () => {
      const { stdout } = await runCommand(['status', '--json', '--endpoints', addresses.join()]);
      const status = JSON.parse(stdout) as {
        replicas: { applied?: number; storage?: { bootCounter: number } }[];
      };
      const [one, two] = status.replicas;
      return (one!.applied === two!.applied && two!.storage!.bootCounter > 1) || undefined;
    });
    const table = await runCommand(['status', '--endpoints', victim.address]);
    expect(table.stdout).to.match(
      new RegExp(`^2 +${victim.address} +yes +yes .* (-|\\d+)\\+[\\d.]+MiB `, 'm'),
    );
  });

  it('survives that all its replicas are killed at once, and goes on', async () => {
    const { dev, addresses, replicas } = await devCluster(await freePorts(3), data);
    await put(addresses, 'key', 'acknowledged');
    for (const { pid } of replicas) process.kill(pid, 'SIGKILL');
    await dev.printed(
      'stderr',
      /; 0 of 3 remain, fewer than the majority of 2: nothing can be served; it is/,
    );
    expect(await got(addresses, 'key')).to.equal('acknowledged');
    await until('all are back', 5000, () => replicasIn(dev.stdout).length === 6 || undefined);
  });

  it('takes its replicas along when it is killed itself, and the next finds everything', async () => {
    const ports = await freePorts(3);
    const { dev, addresses, replicas } = await devCluster(ports, data);
    await put(addresses, 'key', 'value');
    dev.kill('SIGKILL');
    await until('the replicas are gone', 2000, () => replicas.every(({ pid }) => !isAlive(pid)) || undefined);
    await devCluster(ports, data);
    expect(await got(addresses, 'key')).to.equal('value');
  });

  it('is refused beside another one on the same directory, which goes on undisturbed', async () => {
    const ports = await freePorts(3);
    const { dev, addresses, replicas } = await devCluster(ports, data);
    const second = await runCommand(devFlags(ports, data));
    expect(second.how).to.equal(78);
    expect(second.stdout).to.equal('');
    expect(second.stderr).to.match(/^synod: the data directory .*data is in use by [^\n]*\n$/);
    await put(addresses, 'key', 'value');
    expect(replicas.every(({ pid }) => isAlive(pid))).to.equal(true);
    expect(replicasIn(dev.stdout)).to.deep.equal(replicas);
  });

  it('is refused on a directory of a cluster of another shape, and of something else', async () => {
    const ports = await freePorts(3);
    const { dev } = await devCluster(ports.slice(0, 1), data);
    dev.pressCtrlC();
    await dev.ended;
    const written = await readFile(join(data, 'dev.json'), 'utf8');
    const more = await runCommand(devFlags(ports, data));
    expect(more.how).to.equal(78);
    expect(more.stderr).to.match(
      /^synod: .* keeps a cluster of 1 replica on port .*; this would be one of 3 .*\n$/,
    );
    expect(await readFile(join(data, 'dev.json'), 'utf8')).to.equal(written);
    const stranger = await runCommand(devFlags(ports, directory.path));
    expect(stranger.how).to.equal(78);
    expect(stranger.stderr).to.match(/^synod: .* is not empty and has no dev\.json.*\n$/);
    expect(await readdir(directory.path)).to.deep.equal(['data']);
  });
});
