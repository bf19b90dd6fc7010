import { expect } from 'chai';
import { freePorts } from '../support/free-ports.js';
import { endCommands, runCommand, RunningCommand } from './command.js';
import { devCluster, devFlags, freeDevCluster, isAlive, replicasIn } from './dev-cluster.js';
import { until } from '../support/until.js';

describe('synod dev in memory', () => {
  afterEach(endCommands);

  it('survives the death of one replica, reports it, and ends at Ctrl-C with nothing left behind', async () => {
    const { dev, addresses, replicas } = await freeDevCluster();
    expect(replicas.map(({ address }) => address)).to.deep.equal(addresses);
    expect(dev.stdout.split('\n').at(-2)).to.equal(`ready: ${addresses.join(',')}`);
    const environment = { SYNOD_ENDPOINTS: addresses.join(',') };
    const put = await runCommand(['put', 'greeting', 'hello'], { environment });
    expect(put).to.deep.equal({ how: 0, stdout: '', stderr: '' });

    const victim = replicas[0]!;
    process.kill(victim.pid, 'SIGKILL');
    const [report] = await dev.printed('stderr', /^replica 1 .*$/m);
    expect(report).to.contain(`pid ${victim.pid}`).and.to.contain('killed by SIGKILL; 2 of 3 remain');
    expect(report).to.contain('stays away');
    const get = await runCommand(['get', 'greeting'], { environment });
    expect(get).to.deep.equal({ how: 0, stdout: 'hello\n', stderr: '' });
    const status = await runCommand(['status'], { environment });
    expect(status.stdout).to.match(new RegExp(`^1 +${victim.address} +no `, 'm'));
    expect(isAlive(victim.pid)).to.equal(false);
    expect(replicasIn(dev.stdout)).to.have.length(3);

    const stoppedAtMs = performance.now();
    dev.pressCtrlC();
    expect((await dev.ended).how).to.equal(0);
    expect(performance.now() - stoppedAtMs).to.be.below(2000);
    expect(replicas.filter(({ pid }) => isAlive(pid))).to.deep.equal([]);
  });

  it('says when nothing can be served any more, and ends with 70 when no replica is left', async () => {
    const { dev, replicas } = await freeDevCluster();
    process.kill(replicas[0]!.pid, 'SIGKILL');
    process.kill(replicas[1]!.pid, 'SIGTERM');
    await dev.printed(
      'stderr',
      /^replica 2 .* exited with code 0; 1 of 3 remain, .*nothing can be served.*$/m,
    );
    process.kill(replicas[2]!.pid, 'SIGKILL');
    const { how, stderr } = await dev.ended;
    expect(how).to.equal(70);
    expect(stderr).to.match(/^synod: no replica is left$/m);
  });

  it('takes its replicas along when it is killed itself', async () => {
    const { dev, replicas } = await freeDevCluster();
    dev.kill('SIGKILL');
    await until('the replicas are gone', 2000, () => replicas.every(({ pid }) => !isAlive(pid)) || undefined);
  });

  it('ends with 69 and one clear line where a port is in use, and leaves the other cluster alone', async () => {
    const ports = await freePorts(5);
    const { dev, replicas } = await devCluster(ports.slice(2));
    // Its first two ports are free: what was already started has to be stopped.
    const second = new RunningCommand([...devFlags(ports.slice(0, 3)), '--log-level', 'silent']);
    const { how, stdout, stderr } = await second.ended;
    expect(how).to.equal(69);
    expect(stdout).to.equal('');
    expect(stderr.match(/^synod: .*$/gm)).to.deep.equal([
      `synod: replica 3 did not start: cannot listen on 127.0.0.1:${ports[2]}: the address is in use; choose other ports with --port`,
    ]);
    expect(stderr.split('\n')).to.have.length(3);
    expect(replicas.every(({ pid }) => isAlive(pid))).to.equal(true);
    dev.kill('SIGTERM');
    expect((await dev.ended).how).to.equal(0);
  });

  it('takes an even or single number of replicas and says what that survives', async () => {
    const expected = [
      [1, /^1 replica: a majority is 1, so no failures are survived/m],
      [2, /^2 replicas: a majority is 2, so no failures are survived; 1 would survive as many/m],
    ] as const;
    for (const [count, tolerance] of expected) {
      const { dev, addresses, replicas } = await freeDevCluster(count);
      expect(replicas).to.have.length(count);
      expect(dev.stderr).to.match(tolerance);
      expect((await runCommand(['put', 'key', 'value', '--endpoints', addresses.join()])).how).to.equal(0);
      dev.pressCtrlC();
      expect((await dev.ended).how).to.equal(0);
    }
  });

  it('stops cleanly when it is interrupted before it is ready', async () => {
    const dev = new RunningCommand(devFlags(await freePorts(3)));
    await dev.printed('stderr', /3 replicas/);
    dev.pressCtrlC();
    const { how, stderr } = await dev.ended;
    expect(how).to.equal(0);
    expect(stderr).not.to.match(/synod:/);
  });
});
