import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { endCommands, runCommand, RunningCommand } from './command.js';
import { settledView, viewedStatus } from './primary-backup.js';

/** The two ways in which the views of seed 003 cannot go on, as whoever uses the command sees them. */
describe('A dead end of primary/backup', () => {
  let viewService: string;
  let first: string;
  let second: string;
  beforeEach(async () => {
    [viewService, first, second] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`) as [
      string,
      string,
      string,
    ];
  });
  afterEach(endCommands);

  const started = async (...commandLine: readonly string[]): Promise<RunningCommand> => {
    const command = new RunningCommand([...commandLine, '--log-level', 'silent']);
    await command.printed('stdout', /\n/);
    return command;
  };
  const serve = (address: string, ...flags: readonly string[]) =>
    started(
      'serve',
      '--engine',
      'primary-backup',
      '--view-service',
      viewService,
      '--address',
      address,
      ...flags,
    );
  const kill = async (command: RunningCommand): Promise<void> => {
    command.kill('SIGKILL');
    await command.ended;
  };

  /** Status says so, asked either way, and a get ends in time with 2 and says so too. */
  const expectTold = async (trouble: string, server: string): Promise<void> => {
    await until('the view service says so', 10_000, async () => {
      return (await viewedStatus(viewService)).view.trouble === trouble || undefined;
    });
    await until('the server says so', 10_000, async () => {
      const { stdout } = await runCommand(['status', '--endpoints', server]);
      return stdout.split('\n').includes(`server ${server}: ${trouble}`) || undefined;
    });
    const { how, stdout } = await runCommand(['status', '--view-service', viewService]);
    expect(how).to.equal(0);
    expect(stdout.split('\n')).to.include(`view service ${viewService}: ${trouble}`);
    for (const flags of [
      ['--view-service', viewService],
      ['--endpoints', server],
    ]) {
      const askedAtMs = performance.now();
      const get = await runCommand(['get', 'key', '--timeout', '2s', ...flags]);
      expect(performance.now() - askedAtMs).to.be.within(2000, 5000);
      expect([get.how, get.stdout]).to.deep.equal([2, '']);
      expect(get.stderr).to.match(/^synod: get timed out after 2s \(.*\)\n$/);
      expect(get.stderr).to.contain(trouble);
    }
  };

  it('is that the only holder of the data is gone: one that returns is empty', async () => {
    await started('viewd', '--listen', viewService);
    const server = await serve(first);
    expect((await runCommand(['put', 'key', 'value', '--view-service', viewService])).how).to.equal(0);
    await kill(server);
    await serve(first);
    await expectTold(
      `view 1: its only holder of the data ${first} is gone; a restarted server is empty and cannot take over`,
      first,
    );
  }).timeout(60_000);

  it('is that a primary dies before it acknowledges its view', async () => {
    // Long enough to kill the backup between the death of the primary and the view that makes it the next.
    const pings = ['--ping-interval', '400ms'];
    await started('viewd', '--listen', viewService, ...pings);
    const primary = await serve(first, ...pings);
    await until('there is a primary', 10_000, async () => {
      return (await viewedStatus(viewService)).view.acknowledged || undefined;
    });
    const backup = await serve(second, ...pings);
    const { viewNumber } = (await settledView(viewService, 2)).view;
    await kill(primary);
    await sleep(1000);
    await kill(backup);
    await until('the backup is the primary', 10_000, async () => {
      return (await viewedStatus(viewService)).view.primary === second || undefined;
    });
    await serve(second, ...pings);
    await expectTold(`view ${viewNumber + 1} waits for its primary ${second} to acknowledge it`, second);
  }).timeout(60_000);
});
