import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { endCommands, runCommand, RunningCommand } from './command.js';
import { viewedStatus } from './primary-backup.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.js';

describe('synod viewd and synod serve with primary/backup', () => {
  let directory: TemporaryDirectory;
  let viewService: string;
  let address: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    [viewService, address] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`) as [string, string];
  });
  afterEach(async () => {
    await endCommands();
    await directory.remove();
  });

  const listening = async (...commandLine: readonly string[]): Promise<RunningCommand> => {
    const command = new RunningCommand(commandLine, {}, directory.path);
    await command.printed('stdout', /\n/);
    return command;
  };
  const viewd = (...flags: readonly string[]) => listening('viewd', '--listen', viewService, ...flags);
  const serve = (...flags: readonly string[]) =>
    listening(
      'serve',
      '--engine',
      'primary-backup',
      '--view-service',
      viewService,
      '--address',
      address,
      ...flags,
    );

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    it(`print their lines, say what they keep, and end with 0 at ${signal}`, async () => {
      const views = await viewd();
      expect(views.stdout).to.equal(`viewd pid ${views.pid} ${viewService}\n`);
      expect(views.stderr)
        .to.match(
          /^the view service is the one process that everything depends on: .* must not be restarted/m,
        )
        .and.not.contain('encrypted');
      const server = await serve();
      expect(server.stdout).to.equal(`server pid ${server.pid} ${address}\n`);
      expect(server.stderr).to.match(
        new RegExp(
          `^server ${address} keeps everything in memory, and no data directory .* returns empty$`,
          'm',
        ),
      );
      const put = await runCommand(['put', 'key', 'value', '--view-service', viewService]);
      expect(put).to.deep.equal({ how: 0, stdout: '', stderr: '' });
      expect(await readdir(directory.path)).to.deep.equal([]);
      for (const command of [server, views]) {
        const stoppedAtMs = performance.now();
        command.kill(signal);
        expect((await command.ended).how).to.equal(0);
        expect(performance.now() - stoppedAtMs).to.be.below(2000);
      }
    });
  }

  it('take an id for the line, and --in-memory for what is so anyway', async () => {
    const server = await serve('--id', '7', '--in-memory');
    expect(server.stdout).to.equal(`replica 7 pid ${server.pid} ${address}\n`);
    expect(server.stderr).to.match(/^replica 7 keeps everything in memory/m);
    const { stdout } = await runCommand(['status', '--endpoints', address]);
    expect(stdout).to.match(new RegExp(`^7 +${address} +yes +no +primary-backup +- +0:idle `, 'm'));
    expect(stdout).to.match(/^replica 7: the view service does not answer/m);
  });

  it('are shown by status with their views and parts, and without ids', async () => {
    await viewd();
    await serve();
    await until('the server is the primary', 10_000, async () => {
      return (await viewedStatus(viewService)).view.acknowledged || undefined;
    });
    const { stdout } = await runCommand(['status', '--view-service', viewService]);
    expect(stdout).to.match(new RegExp(`^- +${address} +yes +yes +primary-backup +- +1:primary `, 'm'));
    const json = await runCommand(['status', '--json', '--endpoints', address]);
    const [server] = (JSON.parse(json.stdout) as { replicas: { id: number; view: unknown }[] }).replicas;
    expect(server).to.include({ id: 0, engine: 'primary-backup', storage: null, leader: null });
    expect(server!.view).to.deep.equal({
      viewService,
      viewNumber: 1,
      primary: address,
      backup: null,
      acknowledged: true,
      role: 'primary',
    });
  });

  it('warn where they listen beyond loopback', async () => {
    const port = viewService.split(':')[1]!;
    const views = await listening('viewd', '--listen', `[::ffff:127.0.0.1]:${port}`);
    expect(views.stderr).to.match(/^warning: .* nothing is encrypted or authenticated yet$/m);
  });

  it('end with 69 and one clear line where the address is in use', async () => {
    await viewd();
    const inUse = (at: string) => ({
      how: 69,
      stdout: '',
      stderr: `synod: cannot listen on ${at}: the address is in use\n`,
    });
    const flags = ['--log-level', 'silent'];
    expect(await runCommand(['viewd', '--listen', viewService, ...flags])).to.deep.equal(inUse(viewService));
    const elsewhere = ['--view-service', address, '--address', viewService];
    expect(await runCommand(['serve', '--engine', 'primary-backup', ...elsewhere, ...flags])).to.deep.equal(
      inUse(viewService),
    );
  });

  it('listen again on a socket that a killed process left behind, and never where one listens', async () => {
    viewService = `unix:${join(directory.path, 'view')}`;
    const first = await viewd();
    expect(await runCommand(['viewd', '--listen', viewService, '--log-level', 'silent'])).to.deep.equal({
      how: 69,
      stdout: '',
      stderr: `synod: cannot listen on ${viewService}: the address is in use\n`,
    });
    first.kill('SIGKILL');
    await first.ended;
    expect(await readdir(directory.path)).to.deep.equal(['view']);
    expect((await viewd()).stdout).to.match(/^viewd pid \d+ unix:/);
  });
});
