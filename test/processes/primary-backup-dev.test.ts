import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Clerk } from '../../src/index.js';
import { freePorts } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { endCommands, runCommand, RunningCommand } from './command.js';
import { devCluster, isAlive, replicasIn, type DevCluster } from './dev-cluster.js';
import { settledView } from './primary-backup.js';
import { temporaryDirectory } from './temporary-directory.js';

const kills = 4;
const failOverLimitMs = 2000;
const flags = ['--engine', 'primary-backup'];

/** A cluster that is ready, with its view service. */
interface ViewedCluster extends DevCluster {
  readonly viewService: string;
  readonly viewServicePid: number;
}

async function viewedCluster(replicaCount: number): Promise<ViewedCluster> {
  const [viewPort, ...ports] = await freePorts(replicaCount + 1);
  const cluster = await devCluster(ports, undefined, flags);
  const [, pid, viewService] = /^viewd pid (\d+) (\S+)\n/.exec(cluster.dev.stdout)!;
  expect(viewService).to.equal(`127.0.0.1:${viewPort}`);
  return { ...cluster, viewService: viewService!, viewServicePid: Number(pid) };
}

/** The newest process of the replica at an address. */
const pidAt = ({ dev }: DevCluster, address: string | null): number =>
  replicasIn(dev.stdout).findLast((replica) => replica.address === address)!.pid;

describe('synod dev with primary/backup', () => {
  afterEach(endCommands);

  it('goes on from the backup within 2 s when the primary is killed, and gives it a new one', async () => {
    const cluster = await viewedCluster(3);
    const { dev, viewService } = cluster;
    const clerk = new Clerk({ viewService });
    const failOversMs: number[] = [];
    try {
      for (let kill = 0; kill < kills; kill += 1) {
        const { view } = await settledView(viewService, 3);
        const pid = pidAt(cluster, view.primary);
        await clerk.put('key', `value ${kill}`, { timeoutMs: 5000 });
        const killedAtMs = performance.now();
        process.kill(pid, 'SIGKILL');
        expect(await clerk.get('key', { timeoutMs: 10_000 })).to.equal(`value ${kill}`);
        failOversMs.push(performance.now() - killedAtMs);
        expect((await settledView(viewService, 3)).view.primary).to.equal(view.backup);
        expect(dev.stderr).to.match(
          new RegExp(
            `^replica \\d \\(pid ${pid}\\) killed by SIGKILL; 2 of 3 remain; it is started again in \\d+\\S+, empty$`,
            'm',
          ),
        );
        expect(pidAt(cluster, view.primary)).not.to.equal(pid);
      }
    } finally {
      await clerk.close();
    }
    const sorted = failOversMs.toSorted((left, right) => left - right);
    console.log(
      `    ${kills} primaries killed; answered again after: p50 ${sorted[Math.floor((kills - 1) / 2)]!.toFixed(0)} ms, ` +
        `max ${sorted.at(-1)!.toFixed(0)} ms`,
    );
    for (const failOverMs of failOversMs) expect(failOverMs).to.be.at.most(failOverLimitMs);
    const get = await runCommand(['get', 'key', '--endpoints', cluster.addresses.join()]);
    expect(get.stdout).to.equal(`value ${kills - 1}\n`);
    expect(dev.stderr).not.to.contain('majority');
  }).timeout(kills * 60_000);

  it('tells what follows from the death of the view service, and goes on', async () => {
    const { dev, viewService, viewServicePid, replicas, addresses } = await viewedCluster(3);
    process.kill(viewServicePid, 'SIGKILL');
    await dev.printed(
      'stderr',
      new RegExp(
        `^viewd \\(pid ${viewServicePid}\\) killed by SIGKILL; it is never started again, .* nothing can take over; ` +
          'stop with Ctrl-C and start anew$',
        'm',
      ),
    );
    const endpoints = ['--endpoints', addresses.join()];
    expect((await runCommand(['put', 'key', 'value', ...endpoints])).how).to.equal(0);
    expect((await runCommand(['get', 'key', ...endpoints])).stdout).to.equal('value\n');
    // Longer than the first wait before a restart, and than a start takes.
    await sleep(2000);
    expect((await runCommand(['status', '--view-service', viewService])).stderr).to.contain('refused');
    expect((await runCommand(['get', 'key', ...endpoints])).stdout).to.equal('value\n');
    expect(dev.stdout.match(/^viewd /gm)).to.have.length(1);
    expect(replicas.every(({ pid }) => isAlive(pid))).to.equal(true);

    const stoppedAtMs = performance.now();
    dev.pressCtrlC();
    expect((await dev.ended).how).to.equal(0);
    expect(performance.now() - stoppedAtMs).to.be.below(2000);
    expect(replicas.filter(({ pid }) => isAlive(pid))).to.deep.equal([]);
  });

  it('says what it prints, neither reads nor writes ./data, and leaves nothing behind', async () => {
    const directory = await temporaryDirectory();
    try {
      await mkdir(join(directory.path, 'data', 'of somebody else'), { recursive: true });
      const [viewPort, ...ports] = await freePorts(3);
      const [first, second] = ports.map((port) => `127.0.0.1:${port}`);
      const commandLine = ['dev', ...flags, '--replicas', '2', '--port', String(ports[0])];
      const dev = new RunningCommand(commandLine, {}, directory.path);
      await dev.printed('stdout', /^ready: .*\n/m);
      await dev.printed('stderr', /^Ctrl-C here stops all of it$/m);
      expect(dev.stdout.replaceAll(/pid \d+/g, 'pid PID')).to.equal(
        [
          `viewd pid PID 127.0.0.1:${viewPort}`,
          `replica 1 pid PID ${first}`,
          `replica 2 pid PID ${second}`,
          `ready: ${first},${second}`,
          '',
        ].join('\n'),
      );
      expect(dev.stderr).to.match(/^2 replicas and a view service: .*in memory, and \.\/data is not used$/m);
      const [, ...put] = /^ {2}npx synod (put) (.*)$/m.exec(dev.stderr)!;
      expect((await runCommand(put.join(' ').split(' '))).how).to.equal(0);
      const [, ...get] = /^ {2}npx synod (get) (.*)$/m.exec(dev.stderr)!;
      expect((await runCommand(get.join(' ').split(' '))).stdout).to.equal('hello\n');
      const pids = [...dev.stdout.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
      dev.pressCtrlC();
      expect((await dev.ended).how).to.equal(0);
      expect(pids.filter(isAlive)).to.deep.equal([]);
      expect(await readdir(directory.path, { recursive: true })).to.deep.equal([
        'data',
        join('data', 'of somebody else'),
      ]);
    } finally {
      await endCommands();
      await directory.remove();
    }
  });

  it('takes its processes along when it is killed itself', async () => {
    const { dev, replicas, viewServicePid } = await viewedCluster(1);
    dev.kill('SIGKILL');
    const pids = [viewServicePid, ...replicas.map(({ pid }) => pid)];
    await until('all are gone', 2000, () => pids.every((pid) => !isAlive(pid)) || undefined);
  });

  it('ends with 69 where the port of the view service is taken, before any replica starts', async () => {
    const [viewPort, ...ports] = await freePorts(4);
    const other = new RunningCommand(['viewd', '--listen', `127.0.0.1:${viewPort}`]);
    await other.printed('stdout', /\n/);
    const dev = new RunningCommand(['dev', ...flags, '--port', String(ports[0]), '--log-level', 'silent']);
    const { how, stdout, stderr } = await dev.ended;
    expect([how, stdout]).to.deep.equal([69, '']);
    expect(stderr.split('\n').slice(1)).to.deep.equal([
      `synod: viewd did not start: cannot listen on 127.0.0.1:${viewPort}: the address is in use; choose other ports with --port`,
      '',
    ]);
    const status = await runCommand(['status', '--view-service', `127.0.0.1:${viewPort}`]);
    expect(status.stdout).to.match(/^no view yet$/m);
  });

  it('ends with 70 when no replica is left', async () => {
    const { dev, replicas, viewServicePid } = await viewedCluster(1);
    process.kill(replicas[0]!.pid, 'SIGKILL');
    await dev.printed(
      'stderr',
      /^replica 1 .*; 0 of 1 remain, and the data is lost: stop with Ctrl-C and start anew; it is started again in 500ms, empty$/m,
    );
    for (let death = 1; death < 5; death += 1) {
      const { pid } = await until('it runs again', 20_000, () =>
        replicasIn(dev.stdout).length > death ? replicasIn(dev.stdout).at(-1) : undefined,
      );
      process.kill(pid, 'SIGKILL');
    }
    expect((await dev.ended).how).to.equal(70);
    expect(dev.stderr).to.match(/^synod: no replica is left$/m);
    expect(isAlive(viewServicePid)).to.equal(false);
  });
});
